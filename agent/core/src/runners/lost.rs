//! A runner is gone. The tasks that it had fail; those that it had not got yet get another.

use std::collections::BTreeSet;

use stoker_types::{Reason, RunnerId, TaskKey, TaskState, Timestamp, runner::Tenant};

use super::{list, tenant};
use crate::{
    Agent, Effect, Record,
    end::end,
    state::{Awaiting, Phase, Runner, RunnerState, Timer},
    updates::make::Step,
};

/// Takes a runner out of the table, with all that follows for its tasks and its tenant.
pub(crate) fn lost(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    message: &str,
    effects: &mut Vec<Effect>,
) {
    let Some(runner) = agent.runners.remove(runner_id) else {
        return;
    };
    tracing::info!(%runner_id, message, tasks = runner.tasks.len(), "a runner is gone");
    agent.timers.cancel(&Timer::RunnerIdle(runner_id));
    let record = Record::RunnerEnded { runner_id };
    agent.log.persist(record, Awaiting::Nothing, effects);
    let entry = agent.runners.tenant_mut(&runner.tenant);
    let took_tasks = entry.runners.remove(&runner_id);
    lose_tasks(agent, now, &runner.tasks, message, effects);
    if took_tasks && is_failed_start(&runner) {
        start_failed(agent, now, &runner.tenant, message, effects);
    }
    tenant::serve(agent, &runner.tenant, effects);
    agent.runners.prune(&runner.tenant);
    list::changed(agent, now);
}

/// Ends the tasks that a runner took with it; those that it had not got yet wait for another.
pub(crate) fn lose_tasks(
    agent: &mut Agent,
    now: Timestamp,
    tasks: &BTreeSet<TaskKey>,
    message: &str,
    effects: &mut Vec<Effect>,
) {
    for key in tasks.iter().rev() {
        if let Some(task) = agent.tasks.get_mut(key)
            && let Phase::HandingOver { prepared, .. } = &task.phase
        {
            task.phase = Phase::Waiting {
                prepared: prepared.clone(),
            };
            let tenant = task.tenant();
            let waiting = &mut agent.runners.tenant_mut(&tenant).waiting;
            waiting.push_front(key.clone());
        }
    }
    for key in tasks {
        if let Some(task) = agent.tasks.get(key)
            && matches!(task.phase, Phase::HandedOver { .. })
        {
            let step = runner_lost(task.kill.map(|kill| kill.reason), message);
            end(agent, now, key, step, effects);
        }
    }
}

/// The last update of a task whose runner is gone: what was asked to end has ended.
pub(crate) fn runner_lost(kill_reason: Option<Reason>, message: &str) -> Step {
    match kill_reason {
        Some(reason) => Step::new(TaskState::Killed, reason, message),
        None => Step::new(TaskState::Failed, Reason::RunnerLost, message),
    }
}

/// Whether a runner ended before it had a task, though this daemon started it.
fn is_failed_start(runner: &Runner) -> bool {
    match runner.state {
        RunnerState::StartPending | RunnerState::Starting | RunnerState::Ready { .. } => {
            !runner.has_hosted
        }
        RunnerState::Adopting | RunnerState::Replaying { .. } | RunnerState::Stopping { .. } => {
            false
        }
    }
}

/// Counts a failed start: the next one comes later, or never.
fn start_failed(
    agent: &mut Agent,
    now: Timestamp,
    of: &Tenant,
    message: &str,
    effects: &mut Vec<Effect>,
) {
    if !tenant::waits_for_more_than(agent, of, 0) {
        return;
    }
    let entry = agent.runners.tenant_mut(of);
    entry.failures += 1;
    let failures = entry.failures;
    if failures <= agent.config.limits.runner_retries {
        let factor = 1u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
        let delay = agent.config.timeouts.runner_retry.saturating_mul(factor);
        agent
            .timers
            .set(Timer::RunnerRetry(of.clone()), now.after(delay));
        return;
    }
    entry.failures = 0;
    let waiting = std::mem::take(&mut entry.waiting);
    for key in waiting {
        effects.push(Effect::CancelPrepare { task: key.clone() });
        let message = format!("no runner could be started, {failures} times: {message}");
        let step = Step::new(TaskState::Failed, Reason::LaunchFailed, message);
        end(agent, now, &key, step, effects);
    }
}
