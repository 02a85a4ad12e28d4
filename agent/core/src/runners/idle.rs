//! Runners without a task: kept warm for a while, a bounded number of them, then stopped.

use stoker_types::{FrameworkId, RunnerId, Timestamp, runner::Tenant};

use crate::{
    Agent, Effect, Record,
    state::{Awaiting, Runner, RunnerState, Timer},
};

/// Looks which of a tenant's runners have become idle.
///
/// One without a task is, if its tenant has no task that is not over, or another runner: a tenant
/// keeps one while its tasks are being prepared.
pub(crate) fn check(agent: &mut Agent, now: Timestamp, tenant: &Tenant, effects: &mut Vec<Effect>) {
    let Some(entry) = agent.runners.tenant(tenant) else {
        return;
    };
    let has_no_task = entry.live == 0;
    let is_idle = |runner: &&Runner| {
        matches!(runner.state, RunnerState::Ready { .. })
            && runner.tasks.is_empty()
            && runner.idle_since.is_none()
    };
    let idle = agent.runners.of_tenant(tenant).filter(is_idle);
    let mut idle: Vec<RunnerId> = idle.map(|runner| runner.id).collect();
    let has_another = entry.runners.len() > idle.len();
    if !has_no_task && !has_another {
        idle.pop();
    }
    for runner_id in idle {
        become_idle(agent, now, runner_id, effects);
    }
    stop_surplus(agent, effects);
}

fn become_idle(agent: &mut Agent, now: Timestamp, runner_id: RunnerId, effects: &mut Vec<Effect>) {
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    runner.idle_since = Some(now);
    let framework_id = runner.tenant.framework_id;
    if agent.removed_frameworks.contains(framework_id) {
        stop(agent, runner_id, effects);
        return;
    }
    let at = now.after(agent.config.timeouts.runner_idle);
    agent.timers.set(Timer::RunnerIdle(runner_id), at);
}

/// A runner has something to do, or will soon.
pub(crate) fn cease(agent: &mut Agent, runner_id: RunnerId) {
    if let Some(runner) = agent.runners.get_mut(runner_id)
        && runner.idle_since.take().is_some()
    {
        agent.timers.cancel(&Timer::RunnerIdle(runner_id));
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
    agent.runners.tenant_mut(&tenant).runners.remove(&runner_id);
    agent.runners.prune(&tenant);
}
