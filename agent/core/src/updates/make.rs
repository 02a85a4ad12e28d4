//! A task goes a step further: its next update, on its way to the log.

use stoker_types::{
    OutputFile, Reason, RunnerId, StatusUpdate, TaskKey, TaskState, Timestamp, Usage, limit,
};

use crate::{Agent, Effect, Record, state::Awaiting};

/// One step of a task.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) state: TaskState,
    pub(crate) reason: Option<Reason>,
    /// For people.
    pub(crate) message: String,
    pub(crate) exit_code: Option<i32>,
    /// What it has used, where this is news.
    pub(crate) usage: Option<Usage>,
    /// What it left in the blob store.
    pub(crate) outputs: Vec<OutputFile>,
    /// How many numbers are left out before this one.
    pub(crate) skipped_numbers: u64,
    /// The runner event that it stems from.
    pub(crate) runner_event: Option<(RunnerId, u64)>,
}

impl Step {
    pub(crate) fn new(
        state: TaskState,
        reason: impl Into<Option<Reason>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            state,
            reason: reason.into(),
            message: message.into(),
            exit_code: None,
            usage: None,
            outputs: Vec::new(),
            skipped_numbers: 0,
            runner_event: None,
        }
    }
}

/// Makes a task's next update, if its state may follow. It leaves when it is written.
pub(crate) fn make(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    step: Step,
    effects: &mut Vec<Effect>,
) -> bool {
    let Some(task) = agent.tasks.get_mut(key) else {
        return false;
    };
    if !task.updates.state().may_become(step.state) {
        return false;
    }
    task.usage = match step.usage {
        Some(usage) => task.usage.or_more(usage),
        None if step.state.is_terminal() => Usage {
            mem: 0,
            ..task.usage
        },
        None => task.usage,
    };
    let update = StatusUpdate {
        task: key.clone(),
        agent_id: Some(agent.id),
        number: task.updates.latest_number() + step.skipped_numbers + 1,
        state: step.state,
        reason: step.reason,
        message: cut(step.message),
        exit_code: step.exit_code,
        usage: task.usage,
        outputs: step.outputs,
        at: now,
    };
    tracing::debug!(
        framework_id = %key.framework_id, task_id = %key.task_id, number = update.number,
        state = %update.state, reason = update.reason.map(Reason::as_str), "update"
    );
    task.updates.push(update.clone());
    let awaiting = Awaiting::Update {
        task: key.clone(),
        number: update.number,
        runner_event: step.runner_event,
    };
    let record = Record::Update {
        update: Box::new(update),
        runner_event: step.runner_event,
    };
    if let Some((runner_id, event)) = step.runner_event
        && let Some(runner) = agent.runners.get_mut(runner_id)
    {
        runner.logged = Some((event, Box::new(record.clone())));
    }
    agent.log.persist(record, awaiting, effects);
    true
}

/// The message, not longer than messages may be.
fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(limit::MESSAGE_BYTES));
    message
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_long_message_is_cut_between_characters() {
        let text = "x".repeat(4095) + "ä";
        assert_eq!(super::cut(text), "x".repeat(4095));
        assert_eq!(super::cut("short".to_owned()), "short");
    }
}
