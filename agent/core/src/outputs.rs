//! A task that has done its work leaves its outputs in the blob store: that it is over is first in
//! the log, then its outputs are uploaded, and only then its last update is made.
//!
//! From the first moment on its runner does not have it any more; it holds its resources until its
//! last update. A daemon that dies meanwhile leaves the upload to the next one. A boot of the
//! machine ends it: what the guest wrote may not be on the disk.

use stoker_types::{OutputFile, Reason, RunnerId, TaskKey, TaskState, Timestamp, Usage};

use crate::{
    Agent, Effect, Record, UploadFailure,
    end::end,
    runners,
    state::{Awaiting, Phase},
    updates::make::Step,
};

/// What a task exited with whose outputs are uploaded.
const EXIT_CODE: i32 = 0;

/// A task has exited with 0, and has outputs.
pub(crate) fn pending(
    agent: &mut Agent,
    now: Timestamp,
    (key, usage): (&TaskKey, Usage),
    from: (RunnerId, u64),
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get_mut(key) else {
        return;
    };
    task.phase = Phase::Uploading { usage };
    let record = Record::OutputsPending {
        task: key.clone(),
        usage,
        runner_event: Some(from),
    };
    if let Some(runner) = agent.runners.get_mut(from.0) {
        runner.logged = Some((from.1, Box::new(record.clone())));
    }
    let awaiting = Awaiting::OutputsPending {
        task: key.clone(),
        runner_event: from,
    };
    agent.log.persist(record, awaiting, effects);
    runners::tenant::release(agent, now, from.0, key, effects);
}

/// The log says so.
pub(crate) fn written(
    agent: &mut Agent,
    key: &TaskKey,
    (runner_id, event): (RunnerId, u64),
    effects: &mut Vec<Effect>,
) {
    runners::event::confirm(agent, runner_id, event, effects);
    upload(agent, key, effects);
}

/// Has the outputs of a task uploaded, unless it was killed meanwhile.
pub(crate) fn upload(agent: &Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    if let Some(task) = agent.tasks.get(key)
        && matches!(task.phase, Phase::Uploading { .. })
    {
        effects.push(Effect::UploadOutputs {
            task: key.clone(),
            paths: task.launch.task.outputs.clone(),
        });
    }
}

/// They are there, or will never be.
pub(crate) fn uploaded(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    result: Result<Vec<OutputFile>, UploadFailure>,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get(key) else {
        return;
    };
    let Phase::Uploading { usage } = task.phase else {
        return;
    };
    let step = match result {
        Ok(outputs) => Step {
            outputs,
            ..Step::new(TaskState::Finished, None, "")
        },
        Err(failure) => Step::new(
            failure.reason.failure_state(),
            failure.reason,
            failure.message,
        ),
    };
    end(agent, now, key, exited(step, usage), effects);
}

/// The last update of a task that is to end although it has done its work: its outputs are not
/// awaited.
pub(crate) fn killed(reason: Reason, usage: Usage) -> Step {
    let message = "killed before its outputs were uploaded";
    exited(Step::new(TaskState::Killed, reason, message), usage)
}

fn exited(step: Step, usage: Usage) -> Step {
    Step {
        exit_code: Some(EXIT_CODE),
        usage: Some(usage),
        ..step
    }
}
