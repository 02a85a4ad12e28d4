//! Rescind: an offer is taken back before it was answered.
//!
//! Owns the four occasions: nobody answered in time, the agent is lost, the framework's scheduler
//! is gone or another, the framework ends. Never touches an offer that was accepted.

use stoker_types::{AgentId, FrameworkId, OfferFilter, OfferId, Timestamp, scheduler::Event};

use crate::{
    allocator::FilterKey,
    effect::Effect,
    state::{Cluster, ledger, life, offers::Withdrawal, timers::Timer},
};

/// Nobody answered an offer. It counts as declined with the usual filter: otherwise a scheduler
/// that sleeps, and so holds nothing, would be first in line again for ever.
pub(crate) fn expire(
    cluster: &mut Cluster,
    now: Timestamp,
    offer_id: OfferId,
    effects: &mut Vec<Effect>,
) {
    let Some(outstanding) = ledger::end_offer(cluster, offer_id, Some(Withdrawal::Expired)) else {
        return;
    };
    let offer = outstanding.offer;
    let key = FilterKey {
        framework_id: offer.framework_id,
        role: offer.role,
        agent_id: offer.agent_id,
    };
    let limit = cluster.config.limits.filters_per_framework;
    if cluster.allocator.filter_count(key.framework_id) < limit {
        let until = now.after(OfferFilter::default().refuse);
        cluster.timers.set(Timer::Filter(key.clone()), until);
        cluster.allocator.refuse(key, offer.resources);
    }
    let event = Event::Rescind { offer_id };
    life::tell_scheduler(cluster, offer.framework_id, event, effects);
}

/// An agent is lost, and with it what was offered of it.
pub(crate) fn rescind_of_agent(
    cluster: &mut Cluster,
    agent_id: AgentId,
    effects: &mut Vec<Effect>,
) {
    let agent = cluster.agents.get_mut(agent_id);
    let offer_ids = agent.map(|agent| std::mem::take(&mut agent.offers));
    for offer_id in offer_ids.into_iter().flatten() {
        let ended = ledger::end_offer(cluster, offer_id, Some(Withdrawal::AgentLost));
        if let Some(outstanding) = ended {
            let framework_id = outstanding.offer.framework_id;
            let event = Event::Rescind { offer_id };
            life::tell_scheduler(cluster, framework_id, event, effects);
        }
    }
}

/// Takes all offers of a framework back without a word: who had them is gone.
pub(crate) fn withdraw_all(cluster: &mut Cluster, framework_id: FrameworkId) {
    let framework = cluster.frameworks.get_mut(framework_id);
    let offer_ids = framework.map(|framework| std::mem::take(&mut framework.offers));
    for offer_id in offer_ids.into_iter().flatten() {
        ledger::end_offer(cluster, offer_id, None);
    }
}

/// A framework refuses nothing any more.
pub(crate) fn forget_filters(cluster: &mut Cluster, framework_id: FrameworkId) {
    let Some(framework) = cluster.frameworks.get(framework_id) else {
        return;
    };
    let roles = framework.info.roles.iter().cloned().collect();
    for key in cluster.allocator.take_filters(framework_id, &roles) {
        cluster.timers.cancel(&Timer::Filter(key));
    }
}
