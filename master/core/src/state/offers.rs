//! The offers that are out, and what became of the last ones that are not.
//!
//! Owns the table and the numbers of offers. What an offer holds is in the ledger.

use std::collections::BTreeMap;

use stoker_types::{Epoch, FrameworkId, Offer, OfferId, Timestamp};

use crate::{
    allocator::{Allocation, Tenant},
    effect::OfferView,
};

/// The offers whose end is remembered, so that who comes too late is told why.
const REMEMBERED_OFFERS: usize = 4096;

/// Why an offer is not out any more, though nobody answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    /// Its time was over.
    Expired,
    /// Its agent was lost.
    AgentLost,
}

/// An offer that is out.
#[derive(Clone, Debug)]
pub(crate) struct OutstandingOffer {
    pub(crate) offer: Offer,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl OutstandingOffer {
    /// What the allocator knows of it.
    pub(crate) fn allocation(&self) -> Allocation {
        Allocation {
            tenant: Tenant {
                framework_id: self.offer.framework_id,
                role: self.offer.role.clone(),
            },
            agent_id: self.offer.agent_id,
            resources: self.offer.resources.clone(),
        }
    }

    /// As readers see it.
    pub(crate) fn view(&self) -> OfferView {
        OfferView {
            offer: self.offer.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// All offers.
#[derive(Clone, Debug)]
pub(crate) struct Offers {
    epoch: Epoch,
    made: u64,
    table: BTreeMap<OfferId, OutstandingOffer>,
    withdrawn: BTreeMap<OfferId, (FrameworkId, Withdrawal)>,
}

impl Offers {
    pub(crate) const fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            made: 0,
            table: BTreeMap::new(),
            withdrawn: BTreeMap::new(),
        }
    }

    /// The id of a new offer.
    pub(crate) const fn next_id(&mut self) -> OfferId {
        self.made += 1;
        OfferId {
            epoch: self.epoch,
            number: self.made,
        }
    }

    pub(crate) fn insert(&mut self, outstanding: OutstandingOffer) {
        self.table.insert(outstanding.offer.id, outstanding);
    }

    pub(crate) fn get(&self, offer_id: OfferId) -> Option<&OutstandingOffer> {
        self.table.get(&offer_id)
    }

    /// The offer is out no longer; `withdrawal` says why, if nobody answered it.
    pub(crate) fn remove(
        &mut self,
        offer_id: OfferId,
        withdrawal: Option<Withdrawal>,
    ) -> Option<OutstandingOffer> {
        let outstanding = self.table.remove(&offer_id)?;
        if let Some(withdrawal) = withdrawal {
            let framework_id = outstanding.offer.framework_id;
            self.withdrawn.insert(offer_id, (framework_id, withdrawal));
            if self.withdrawn.len() > REMEMBERED_OFFERS {
                self.withdrawn.pop_first();
            }
        }
        Some(outstanding)
    }

    /// Why this framework's offer is out no longer, if it was withdrawn lately.
    pub(crate) fn withdrawal(
        &self,
        offer_id: OfferId,
        framework_id: FrameworkId,
    ) -> Option<Withdrawal> {
        self.withdrawn
            .get(&offer_id)
            .filter(|(owner, _)| *owner == framework_id)
            .map(|(_, withdrawal)| *withdrawal)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &OutstandingOffer> {
        self.table.values()
    }

    /// How many are out.
    pub(crate) fn count(&self) -> usize {
        self.table.len()
    }

    /// How many were made since the start.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }
}
