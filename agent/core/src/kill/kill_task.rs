//! A task is to end. Before it was handed over it never runs; afterwards its runner ends it.

use std::time::Duration;

use stoker_types::{Reason, TaskKey, TaskState, Timestamp};

use crate::{
    Agent, Effect, Record,
    end::end,
    outputs,
    state::{Awaiting, Kill, Phase},
    updates::make::{Step, make},
};

/// Ends a task.
///
/// One that is not here is nothing to us: the stream is ordered, so its launch was lost with an
/// older stream or the task is forgotten, and the registration has told the master so.
pub(crate) fn kill_task(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    (reason, grace): (Reason, Duration),
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get_mut(key) else {
        tracing::debug!(
            framework_id = %key.framework_id, task_id = %key.task_id,
            "asked to kill a task that is not here; ignored"
        );
        return;
    };
    match task.phase {
        Phase::Admitting => end(agent, now, key, never_ran(reason), effects),
        Phase::Preparing { .. } | Phase::Waiting { .. } | Phase::HandingOver { .. } => {
            effects.push(Effect::CancelPrepare { task: key.clone() });
            end(agent, now, key, never_ran(reason), effects);
        }
        Phase::HandedOver { .. } if task.kill.is_none() => {
            task.kill = Some(Kill {
                reason,
                grace,
                is_written: false,
            });
            let record = Record::KillRequested {
                task: key.clone(),
                reason,
                grace,
            };
            let awaiting = Awaiting::KillRequested(key.clone());
            agent.log.persist(record, awaiting, effects);
            let step = Step::new(TaskState::Killing, reason, "");
            make(agent, now, key, step, effects);
        }
        Phase::HandedOver { .. } => {
            // Not written: a daemon that dies now has told the runner, or grants the longer one.
            if let Some(kill) = &mut task.kill {
                kill.grace = kill.grace.min(grace);
            }
            order(agent, key, effects);
        }
        Phase::Uploading { usage } => {
            effects.push(Effect::CancelUpload { task: key.clone() });
            end(agent, now, key, outputs::killed(reason, usage), effects);
        }
        Phase::Ended | Phase::Forgetting => {}
    }
}

/// That a task is to end is in the log.
pub(crate) fn written(agent: &mut Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    if let Some(kill) = agent.tasks.get_mut(key).and_then(|task| task.kill.as_mut()) {
        kill.is_written = true;
        order(agent, key, effects);
    }
}

/// Tells the runner that has a task to end it, if it is to end and the runner can be told.
pub(crate) fn order(agent: &Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    let Some(task) = agent.tasks.get(key) else {
        return;
    };
    let Phase::HandedOver { runner_id } = task.phase else {
        return;
    };
    let can_be_told = agent
        .runners
        .get(runner_id)
        .is_some_and(|runner| runner.state.pid().is_some());
    if let Some(kill) = task.kill.filter(|kill| kill.is_written && can_be_told) {
        effects.push(Effect::Kill {
            runner_id,
            task: key.clone(),
            grace: kill.grace,
        });
    }
}

/// The last update of a task that was ended before it was handed over.
pub(crate) fn never_ran(reason: Reason) -> Step {
    Step::new(TaskState::Killed, reason, "killed before it ran")
}
