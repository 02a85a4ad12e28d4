//! May these offers be used together?
//!
//! Owns the rules for the offers that one call names; changes nothing.

use std::collections::BTreeSet;

use stoker_types::{AgentId, FrameworkId, OfferId, Resources, Role, limit};

use super::Refusal;
use crate::state::offers::{Offers, OutstandingOffer, Withdrawal};

/// Offers that may be used together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsableOffers {
    pub(crate) agent_id: AgentId,
    pub(crate) role: Role,
    /// All that is in them.
    pub(crate) resources: Resources,
}

/// Judges the offers of an accept: each this framework's, all of one agent and one role.
pub(crate) fn judge(
    offers: &Offers,
    framework_id: FrameworkId,
    offer_ids: &[OfferId],
) -> Result<UsableOffers, Refusal> {
    let (&first_id, rest) = offer_ids.split_first().ok_or(Refusal::NoOffer)?;
    let first = own(offers, framework_id, first_id)?;
    let mut seen = BTreeSet::from([first_id]);
    let mut resources = first.offer.resources.clone();
    for &offer_id in rest {
        if !seen.insert(offer_id) {
            return Err(Refusal::OfferTwice(offer_id));
        }
        let other = own(offers, framework_id, offer_id)?;
        if other.offer.agent_id != first.offer.agent_id {
            return Err(Refusal::OffersOfDifferentAgents(first_id, offer_id));
        }
        if other.offer.role != first.offer.role {
            return Err(Refusal::OffersOfDifferentRoles(first_id, offer_id));
        }
        // Parts of one agent always add up: the ledger holds them.
        resources = resources
            .checked_add(&other.offer.resources)
            .unwrap_or(resources);
    }
    Ok(UsableOffers {
        agent_id: first.offer.agent_id,
        role: first.offer.role.clone(),
        resources,
    })
}

/// This framework's offer, or why there is none.
pub(crate) fn own(
    offers: &Offers,
    framework_id: FrameworkId,
    offer_id: OfferId,
) -> Result<&OutstandingOffer, Refusal> {
    let outstanding = offers.get(offer_id);
    outstanding
        .filter(|outstanding| outstanding.offer.framework_id == framework_id)
        .ok_or_else(|| match offers.withdrawal(offer_id, framework_id) {
            Some(Withdrawal::Expired) => Refusal::OfferExpired(offer_id),
            Some(Withdrawal::AgentLost) => Refusal::OfferAgentLost(offer_id),
            None => Refusal::OfferUnknown(offer_id),
        })
}

/// Refuses a call that names more than may be named at once.
pub(crate) fn within_bounds(offers: usize, tasks: usize) -> Result<(), Refusal> {
    let bounded = |what, count, limit| {
        if count > limit {
            Err(Refusal::TooMany { what, count, limit })
        } else {
            Ok(())
        }
    };
    bounded("offers", offers, limit::OFFERS_PER_CALL)?;
    bounded("tasks", tasks, limit::TASKS_PER_ACCEPT)
}
