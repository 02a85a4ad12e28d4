//! Tick: what is due is done.
//!
//! Owns which timer leads to which verb.

use stoker_types::{FrameworkId, Timestamp, scheduler::Event};

use crate::{
    agent,
    effect::Effect,
    scheduler,
    state::{Cluster, frameworks::FrameworkPhase, life, timers::Timer},
};

/// Does all that is due at `now`, each timer once.
pub(crate) fn tick(cluster: &mut Cluster, now: Timestamp, effects: &mut Vec<Effect>) {
    for timer in cluster.timers.due(now) {
        if cluster.timers.take_if_due(&timer, now) {
            fire(cluster, now, timer, effects);
        }
    }
}

fn fire(cluster: &mut Cluster, now: Timestamp, timer: Timer, effects: &mut Vec<Effect>) {
    match timer {
        // After every input the allocator runs if it may.
        Timer::Allocation => {}
        Timer::Ping(agent_id) => agent::ping::ping(cluster, now, agent_id, effects),
        Timer::AgentReturn(agent_id) => {
            agent::unreachable::mark(cluster, now, agent_id, effects);
        }
        Timer::Offer(offer_id) => scheduler::rescind::expire(cluster, now, offer_id, effects),
        Timer::Filter(key) => cluster.allocator.accept_again(&key),
        Timer::Heartbeat(framework_id) => heartbeat(cluster, now, framework_id, effects),
        Timer::Failover(framework_id) | Timer::Orphan(framework_id) => {
            give_up(cluster, framework_id, effects);
        }
    }
}

fn heartbeat(
    cluster: &mut Cluster,
    now: Timestamp,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    life::tell_scheduler(cluster, framework_id, Event::Heartbeat, effects);
    let next = now.after(cluster.config.timeouts.heartbeat);
    cluster.timers.set(Timer::Heartbeat(framework_id), next);
}

/// A framework whose scheduler did not come in time is over.
fn give_up(cluster: &mut Cluster, framework_id: FrameworkId, effects: &mut Vec<Effect>) {
    let phase = cluster
        .frameworks
        .get(framework_id)
        .map(|framework| &framework.phase);
    if matches!(
        phase,
        Some(FrameworkPhase::Disconnected | FrameworkPhase::Orphaned)
    ) {
        let cause = scheduler::remove::Cause::Left;
        scheduler::remove::remove(cluster, framework_id, cause, effects);
    }
}
