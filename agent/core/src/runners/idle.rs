//! Runners without a task: kept warm for a while, a bounded number of them, then stopped.

use stoker_types::{FrameworkId, RunnerId, Timestamp, runner::Tenant};

use crate::{
    Agent, Effect, Record, runners,
    state::{Awaiting, RunnerState, Timer},
};

/// Looks whether a tenant's runner has become idle.
pub(crate) fn check(agent: &mut Agent, now: Timestamp, tenant: &Tenant, effects: &mut Vec<Effect>) {
    let Some(runner_id) = agent
        .runners
        .tenant(tenant)
        .filter(|entry| entry.live == 0)
        .and_then(|entry| entry.runner_id)
    else {
        return;
    };
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    if !matches!(runner.state, RunnerState::Ready { .. }) {
        return;
    }
    runner.idle_since = Some(now);
    if agent.removed_frameworks.contains(tenant.framework_id) {
        stop(agent, runner_id, effects);
        return;
    }
    let at = now.after(agent.config.timeouts.runner_idle);
    agent.timers.set(Timer::RunnerIdle(runner_id), at);
    stop_surplus(agent, effects);
}

/// Looks whether a runner that takes no more tasks has ended those that it had.
pub(crate) fn check_superseded(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    effects: &mut Vec<Effect>,
) {
    let Some(runner) = agent.runners.get(runner_id) else {
        return;
    };
    let is_ready = matches!(runner.state, RunnerState::Ready { .. });
    if is_ready && runner.tasks.is_empty() && !agent.runners.is_current(runner) {
        stop(agent, runner_id, effects);
        runners::list::changed(agent, now);
    }
}

/// Stops the runners of a framework that will not return.
pub(crate) fn stop_idle_of(
    agent: &mut Agent,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    let idle: Vec<RunnerId> = agent
        .runners
        .iter()
        .filter(|runner| runner.tenant.framework_id == framework_id)
        .filter(|runner| runner.idle_since.is_some())
        .map(|runner| runner.id)
        .collect();
    for runner_id in idle {
        stop(agent, runner_id, effects);
    }
}

/// Stops those that have been idle longest, as far as there are too many.
fn stop_surplus(agent: &mut Agent, effects: &mut Vec<Effect>) {
    let mut idle: Vec<(Timestamp, RunnerId)> = agent
        .runners
        .iter()
        .filter_map(|runner| Some((runner.idle_since?, runner.id)))
        .collect();
    idle.sort_unstable();
    let surplus = idle.len().saturating_sub(agent.config.limits.idle_runners);
    for (_, runner_id) in idle.into_iter().take(surplus) {
        stop(agent, runner_id, effects);
    }
}

/// Stops a runner: no task is handed to it any more.
pub(crate) fn stop(agent: &mut Agent, runner_id: RunnerId, effects: &mut Vec<Effect>) {
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    let tenant = runner.tenant.clone();
    let before = runner.state.clone();
    runner.idle_since = None;
    runner.state = RunnerState::Stopping { pid: before.pid() };
    agent.timers.cancel(&Timer::RunnerIdle(runner_id));
    match before {
        RunnerState::StartPending => {
            // The driver has not heard of it.
            agent.runners.remove(runner_id);
            let record = Record::RunnerEnded { runner_id };
            agent.log.persist(record, Awaiting::Nothing, effects);
        }
        RunnerState::Starting
        | RunnerState::Adopting
        | RunnerState::Replaying { .. }
        | RunnerState::Ready { .. } => effects.push(Effect::StopRunner { runner_id }),
        RunnerState::Stopping { .. } => {}
    }
    let entry = agent.runners.tenant_mut(&tenant);
    if entry.runner_id == Some(runner_id) {
        entry.runner_id = None;
    }
    agent.runners.prune(&tenant);
}
