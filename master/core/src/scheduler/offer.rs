//! Offer: what the allocator gives out becomes offers.
//!
//! Owns when the allocator runs (the first event at once, further ones together a little later; at
//! once for what is left of an offer that was used a little) and how long an offer is out. Never decides whose turn it is.

use std::collections::BTreeMap;

use stoker_types::{FrameworkId, Offer, Timestamp, scheduler::Event};

use crate::{
    allocator::Allocation,
    effect::Effect,
    state::{Cluster, ledger, life, offers::OutstandingOffer, timers::Timer},
};

/// Runs the allocator if something changed, now or as soon as it may run again.
pub(crate) fn allocate_if_due(cluster: &mut Cluster, now: Timestamp, effects: &mut Vec<Effect>) {
    if !cluster.allocator.has_work() {
        return;
    }
    let coalescing = cluster.config.timeouts.allocation_coalescing;
    let not_before = cluster.allocated_at.map(|at| at.after(coalescing));
    match not_before.filter(|not_before| *not_before > now) {
        Some(not_before) => cluster.timers.set(Timer::Allocation, not_before),
        None => offer(cluster, now, effects),
    }
}

/// Has the allocator run after this input, however lately it ran. Only for what cannot happen often
/// for nothing.
pub(crate) const fn hurry(cluster: &mut Cluster) {
    cluster.allocated_at = None;
}

fn offer(cluster: &mut Cluster, now: Timestamp, effects: &mut Vec<Effect>) {
    cluster.timers.cancel(&Timer::Allocation);
    cluster.allocated_at = Some(now);
    cluster.counters.allocation_runs += 1;
    let mut offers: BTreeMap<FrameworkId, Vec<Offer>> = BTreeMap::new();
    for allocation in cluster.allocator.allocate() {
        if let Some(offer) = make(cluster, now, allocation) {
            offers.entry(offer.framework_id).or_default().push(offer);
        }
    }
    for (framework_id, offers) in offers {
        life::tell_scheduler(cluster, framework_id, Event::Offers(offers), effects);
    }
}

fn make(cluster: &mut Cluster, now: Timestamp, allocation: Allocation) -> Option<Offer> {
    let agent = cluster.agents.get(allocation.agent_id)?;
    let offer = Offer {
        id: cluster.offers.next_id(),
        framework_id: allocation.tenant.framework_id,
        role: allocation.tenant.role,
        agent_id: allocation.agent_id,
        hostname: agent.info.hostname.clone(),
        attributes: agent.info.attributes.clone(),
        resources: allocation.resources,
    };
    let expires_at = now.after(cluster.config.timeouts.offer);
    cluster.timers.set(Timer::Offer(offer.id), expires_at);
    let outstanding = OutstandingOffer {
        offer: offer.clone(),
        created_at: now,
        expires_at,
    };
    ledger::hold_offer(cluster, outstanding);
    Some(offer)
}
