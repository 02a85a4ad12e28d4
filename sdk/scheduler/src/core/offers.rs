//! The offers that are open: made to this framework, and not answered yet.
//!
//! Owns which those are, and what an accept must have in common; never decides what to do with
//! them.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{AgentId, Offer, OfferId, Role};

/// All open offers.
#[derive(Debug, Default)]
pub(super) struct OpenOffers(BTreeMap<OfferId, Source>);

/// Whose resources an offer holds, and for which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) agent_id: AgentId,
    role: Role,
}

impl OpenOffers {
    pub(super) fn open(&mut self, offers: &[Offer]) {
        let sources = offers.iter().map(|offer| {
            let source = Source {
                agent_id: offer.agent_id,
                role: offer.role.clone(),
            };
            (offer.id, source)
        });
        self.0.extend(sources);
    }

    /// The offer is answered or rescinded; `None` if it was not open.
    pub(super) fn close(&mut self, offer_id: OfferId) -> Option<Source> {
        self.0.remove(&offer_id)
    }

    /// Every offer is void; says which were open.
    pub(super) fn close_all(&mut self) -> Vec<OfferId> {
        std::mem::take(&mut self.0).into_keys().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = OfferId> {
        self.0.keys().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The agent that all these offers are of, if one accept may name them together; otherwise
    /// what is wrong with them.
    pub(super) fn common_agent(&self, offer_ids: &[OfferId]) -> Result<AgentId, String> {
        let mut seen = BTreeSet::new();
        let mut first: Option<&Source> = None;
        for offer_id in offer_ids {
            let source = self
                .0
                .get(offer_id)
                .ok_or_else(|| format!("{offer_id} is not open (any more)"))?;
            if !seen.insert(offer_id) {
                return Err(format!("{offer_id} is named twice"));
            }
            if first.is_some_and(|first| first != source) {
                return Err(format!("{offer_id} is of another agent or role"));
            }
            first = Some(source);
        }
        first
            .map(|source| source.agent_id)
            .ok_or_else(|| "no offer is named".to_owned())
    }
}
