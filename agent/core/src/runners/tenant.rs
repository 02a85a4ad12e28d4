//! Who needs a runner: tasks join and leave their tenant, and those that are ready are served.

use stoker_types::{RunnerId, TaskKey, Timestamp, runner::Tenant};

use super::{idle, list, start};
use crate::{
    Agent, Effect,
    launch::hand_over::hand_over,
    state::{Phase, RunnerState, Timer},
};

/// A task of this tenant begins to live: its runner is not idle.
pub(crate) fn joined(agent: &mut Agent, tenant: &Tenant) {
    agent.runners.count_in(tenant);
    if let Some(runner_id) = agent.runners.tenant_mut(tenant).runner_id
        && let Some(runner) = agent.runners.get_mut(runner_id)
    {
        runner.idle_since = None;
        agent.timers.cancel(&Timer::RunnerIdle(runner_id));
    }
}

/// A task of this tenant is over: its runner may be idle now.
pub(crate) fn left(agent: &mut Agent, now: Timestamp, tenant: &Tenant, effects: &mut Vec<Effect>) {
    agent.runners.count_out(tenant);
    if agent.runners.tenant_mut(tenant).live == 0 {
        agent.timers.cancel(&Timer::RunnerRetry(tenant.clone()));
    }
    idle::check(agent, now, tenant, effects);
    agent.runners.prune(tenant);
}

/// A runner does not have this task any more.
pub(crate) fn release(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    key: &TaskKey,
    effects: &mut Vec<Effect>,
) {
    if let Some(runner) = agent.runners.get_mut(runner_id) {
        runner.tasks.remove(key);
        idle::check_superseded(agent, now, runner_id, effects);
        list::changed(agent, now);
    }
}

/// Gives a tenant's waiting tasks to its runner, or has one started.
pub(crate) fn serve(agent: &mut Agent, tenant: &Tenant, effects: &mut Vec<Effect>) {
    let entry = agent.runners.tenant_mut(tenant);
    let Some(runner_id) = entry.runner_id else {
        let is_deferred = agent.timers.is_set(&Timer::RunnerRetry(tenant.clone()));
        if !is_deferred && has_waiting(agent, tenant) {
            start::start(agent, tenant, effects);
        }
        return;
    };
    let is_ready = |state: &RunnerState| matches!(state, RunnerState::Ready { .. });
    if agent
        .runners
        .get(runner_id)
        .is_some_and(|runner| is_ready(&runner.state))
    {
        let waiting = std::mem::take(&mut agent.runners.tenant_mut(tenant).waiting);
        for key in waiting {
            hand_over(agent, &key, runner_id, effects);
        }
    }
}

/// Whether a task of this tenant waits for a runner. Strikes out those that are over meanwhile.
pub(crate) fn has_waiting(agent: &mut Agent, tenant: &Tenant) -> bool {
    let tasks = &agent.tasks;
    let is_waiting = |key: &TaskKey| {
        tasks
            .get(key)
            .is_some_and(|task| matches!(task.phase, Phase::Waiting { .. }))
    };
    let waiting = &mut agent.runners.tenant_mut(tenant).waiting;
    waiting.retain(is_waiting);
    !waiting.is_empty()
}
