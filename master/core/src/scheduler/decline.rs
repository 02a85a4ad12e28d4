//! Decline: a scheduler gives offers back, and does not want the same again for a while.
//!
//! Owns the filter that a decline, or what is left of an accept, leaves behind.

use std::{collections::BTreeMap, time::Duration};

use stoker_types::{OfferFilter, OfferId, Resources, Timestamp, limit};

use super::{Caller, refuse};
use crate::{
    allocator::FilterKey,
    effect::Effect,
    state::{Cluster, ledger, timers::Timer},
    validation::{self, Refusal},
};

/// What is declined, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Decline {
    pub(crate) offer_ids: Vec<OfferId>,
    pub(crate) filter: OfferFilter,
}

/// Gives the caller's offers back. One that is not valid any more is named in a refusal; the
/// others are declined all the same.
pub(crate) fn decline(
    cluster: &mut Cluster,
    now: Timestamp,
    caller: &Caller,
    decline: Decline,
    effects: &mut Vec<Effect>,
) {
    let Decline { offer_ids, filter } = decline;
    let framework_id = caller.framework_id;
    if let Err(refusal) = judge(cluster, caller, &offer_ids) {
        refuse(cluster, caller, &refusal, effects);
        return;
    }
    let mut refused: BTreeMap<FilterKey, Resources> = BTreeMap::new();
    let mut first_problem = None;
    for offer_id in offer_ids {
        if let Err(refusal) = validation::offers::own(&cluster.offers, framework_id, offer_id) {
            first_problem = first_problem.or(Some(refusal));
            continue;
        }
        let Some(outstanding) = ledger::end_offer(cluster, offer_id, None) else {
            continue;
        };
        let offer = outstanding.offer;
        let key = FilterKey {
            framework_id,
            role: offer.role,
            agent_id: offer.agent_id,
        };
        let sum = refused.entry(key).or_default();
        // Parts of one agent always add up: the ledger holds them.
        if let Some(larger) = sum.checked_add(&offer.resources) {
            *sum = larger;
        }
    }
    for (key, resources) in refused {
        leave_filter(cluster, now, key, (resources, filter));
    }
    if let Some(refusal) = first_problem {
        refuse(cluster, caller, &refusal, effects);
    }
}

fn judge(cluster: &Cluster, caller: &Caller, offer_ids: &[OfferId]) -> Result<(), Refusal> {
    if offer_ids.is_empty() {
        return Err(Refusal::NoOffer);
    }
    validation::offers::within_bounds(offer_ids.len(), 0)?;
    has_room_for_filters(cluster, caller, offer_ids.len())
}

/// Whether the caller may leave `more` filters behind.
pub(super) fn has_room_for_filters(
    cluster: &Cluster,
    caller: &Caller,
    more: usize,
) -> Result<(), Refusal> {
    let limit = cluster.config.limits.filters_per_framework;
    let count = cluster.allocator.filter_count(caller.framework_id);
    if count.saturating_add(more) > limit {
        let name = "filters_per_framework";
        return Err(Refusal::LimitReached { name, limit });
    }
    Ok(())
}

/// Does not offer these resources to this framework again until the filter is over.
pub(super) fn leave_filter(
    cluster: &mut Cluster,
    now: Timestamp,
    key: FilterKey,
    (resources, filter): (Resources, OfferFilter),
) {
    let longest = Duration::from_secs(limit::FILTER_SECONDS);
    let refuse = filter.refuse.min(longest);
    if refuse.is_zero() || resources.is_empty() {
        return;
    }
    let until = now.after(refuse);
    cluster.timers.set(Timer::Filter(key.clone()), until);
    cluster.allocator.refuse(key, resources);
}
