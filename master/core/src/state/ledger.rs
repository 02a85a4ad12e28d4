//! Who holds what of which agent: the only four ways in which resources move.
//!
//! ```text
//!                  hold_offer                 end_offer
//!      free  ───────────────────▶ offered ───────────────▶ free
//!      free  ───────────────────▶ used    ───────────────▶ free
//!                  use                        give_back
//! ```
//!
//! Owns that the agent's sums, the offers and the allocator's counters agree. Never tells anyone.

use stoker_types::{AgentId, OfferId, Resources};

use super::{
    Cluster,
    offers::{OutstandingOffer, Withdrawal},
};
use crate::allocator::Tenant;

/// The allocator gave these resources out as this offer.
pub(crate) fn hold_offer(cluster: &mut Cluster, outstanding: OutstandingOffer) {
    let offer = &outstanding.offer;
    if let Some(agent) = cluster.agents.get_mut(offer.agent_id) {
        put_in(&mut agent.offered, &offer.resources);
        agent.offers.insert(offer.id);
    }
    if let Some(framework) = cluster.frameworks.get_mut(offer.framework_id) {
        framework.offers.insert(offer.id);
    }
    cluster.changes.agent(offer.agent_id);
    cluster.changes.offer_made(offer.id);
    cluster.offers.insert(outstanding);
}

/// An offer is over: its resources are free.
pub(crate) fn end_offer(
    cluster: &mut Cluster,
    offer_id: OfferId,
    withdrawal: Option<Withdrawal>,
) -> Option<OutstandingOffer> {
    let outstanding = cluster.offers.remove(offer_id, withdrawal)?;
    let offer = &outstanding.offer;
    cluster
        .timers
        .cancel(&super::timers::Timer::Offer(offer_id));
    cluster.allocator.end_offer(&outstanding.allocation());
    if let Some(agent) = cluster.agents.get_mut(offer.agent_id) {
        take_out(&mut agent.offered, &offer.resources);
        agent.offers.remove(&offer_id);
    }
    if let Some(framework) = cluster.frameworks.get_mut(offer.framework_id) {
        framework.offers.remove(&offer_id);
    }
    cluster.changes.agent(offer.agent_id);
    cluster.changes.offer_removed(offer_id);
    Some(outstanding)
}

/// A task of this tenant takes resources of an agent that are free.
pub(crate) fn use_resources(
    cluster: &mut Cluster,
    tenant: &Tenant,
    agent_id: AgentId,
    resources: &Resources,
) {
    cluster.allocator.charge(tenant, agent_id, resources);
    if let Some(agent) = cluster.agents.get_mut(agent_id) {
        put_in(&mut agent.used, resources);
    }
    cluster.changes.agent(agent_id);
}

/// A task of this tenant gives resources of an agent back.
pub(crate) fn give_back(
    cluster: &mut Cluster,
    tenant: &Tenant,
    agent_id: AgentId,
    resources: &Resources,
) {
    cluster.allocator.release(tenant, agent_id, resources);
    if let Some(agent) = cluster.agents.get_mut(agent_id) {
        take_out(&mut agent.used, resources);
    }
    cluster.changes.agent(agent_id);
}

fn put_in(sum: &mut Resources, part: &Resources) {
    let larger = sum.checked_add(part);
    debug_assert!(larger.is_some(), "{part} is promised twice beside {sum}");
    *sum = larger.unwrap_or_default();
}

fn take_out(sum: &mut Resources, part: &Resources) {
    let smaller = sum.checked_sub(part);
    debug_assert!(smaller.is_some(), "{part} is not in {sum}");
    *sum = smaller.unwrap_or_default();
}
