//! Finds the runners of an earlier daemon again.
//!
//! A runner that answers says which tasks it holds, and repeats the events that the log may lack.
//! When these have come, a task that was to be handed to it, that it does not hold and of which
//! it told nothing, never reached it: that one is prepared again. A runner that does not answer in
//! time counts as lost. The agent registers when no runner is being looked for any more.

use std::{collections::BTreeSet, time::Duration};

use stoker_types::{RunnerId, TaskKey, TaskState, Timestamp, runner::Welcome};

use crate::{
    Agent, Effect,
    end::end,
    kill, launch, runners,
    state::{RunnerState, Timer},
};

/// Whether a runner is still being looked for.
pub(crate) fn is_under_way(agent: &Agent) -> bool {
    agent.timers.is_set(&Timer::Adoption)
        && agent
            .runners
            .iter()
            .any(|runner| runner.state == RunnerState::Adopting)
}

/// A runner was found again.
pub(crate) fn answered(
    agent: &mut Agent,
    now: Timestamp,
    welcome: Welcome,
    effects: &mut Vec<Effect>,
) {
    let runner_id = welcome.runner_id;
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    let held: BTreeSet<TaskKey> = welcome.tasks.into_iter().collect();
    tracing::info!(%runner_id, pid = welcome.pid, tasks = held.len(), "a runner is back");
    for key in &held {
        if !runner.tasks.contains(key) {
            let task = key.clone();
            effects.push(Effect::Kill {
                runner_id,
                task,
                grace: Duration::ZERO,
            });
        }
    }
    runner.state = RunnerState::Replaying {
        pid: welcome.pid,
        held: held.clone(),
        last_event: welcome.last_event,
    };
    for key in &held {
        kill::kill_task::order(agent, key, effects);
    }
    runners::list::changed(agent, now);
    check_replay(agent, now, runner_id, effects);
}

/// Looks whether all that a runner did while the daemon was away has been told.
pub(crate) fn check_replay(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    effects: &mut Vec<Effect>,
) {
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    let RunnerState::Replaying {
        pid,
        held,
        last_event,
    } = &runner.state
    else {
        return;
    };
    if runner.seen_event < *last_event {
        return;
    }
    let never_arrived: Vec<TaskKey> = runner.tasks.difference(held).cloned().collect();
    runner.state = RunnerState::Ready { pid: *pid };
    let tenant = runner.tenant.clone();
    for key in never_arrived {
        take_back(agent, now, runner_id, &key, effects);
    }
    runners::tenant::serve(agent, &tenant, effects);
    runners::idle::check(agent, now, &tenant, effects);
}

/// A task that its runner does not have: it is prepared again, if it surely never ran.
fn take_back(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    key: &TaskKey,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get(key) else {
        return;
    };
    if let Some(kill) = task.kill {
        let step = kill::kill_task::never_ran(kill.reason);
        return end(agent, now, key, step, effects);
    }
    match task.updates.state() {
        TaskState::Staging | TaskState::Starting => {
            runners::tenant::release(agent, now, runner_id, key, effects);
            launch::prepare::begin(agent, key, effects);
        }
        TaskState::Running
        | TaskState::Killing
        | TaskState::Finished
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Error
        | TaskState::Dropped
        | TaskState::Unreachable
        | TaskState::Gone
        | TaskState::GoneByOperator
        | TaskState::Unknown => {
            let step = runners::lost::runner_lost(None, "its runner does not know it any more");
            end(agent, now, key, step, effects);
        }
    }
}

/// The runners that have not answered yet have had their time: they count as lost, and are ended
/// should they turn up.
pub(crate) fn due(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    let late: Vec<RunnerId> = agent
        .runners
        .iter()
        .filter(|runner| runner.state == RunnerState::Adopting)
        .map(|runner| runner.id)
        .collect();
    for runner_id in late {
        tracing::warn!(%runner_id, "a runner of the earlier daemon did not answer; it is ended");
        runners::idle::stop(agent, runner_id, effects);
        let Some(runner) = agent.runners.get(runner_id) else {
            continue;
        };
        let tenant = runner.tenant.clone();
        let tasks = agent.runners.release_all(runner_id);
        let message = "its runner did not answer after the agent had restarted";
        runners::lost::lose_tasks(agent, now, &tasks, message, effects);
        runners::tenant::serve(agent, &tenant, effects);
        agent.runners.prune(&tenant);
    }
}
