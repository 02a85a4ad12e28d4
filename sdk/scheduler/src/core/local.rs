//! What this side answers itself, in the master's words: tasks that never left, calls that it did
//! not carry out.
//!
//! Owns what waits to be told to the author, and when. Decides nothing.

use std::time::Duration;

use stoker_types::{
    AgentId, FrameworkId, Reason, StatusUpdate, TaskId, TaskKey, TaskState, Timestamp, Usage,
};

use crate::Refusal;

/// How long a scheduler waits for the answer to what it called when it heard one, so that one which
/// clings to a void offer does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers that the author has not heard yet.
#[derive(Debug, Default)]
pub(super) struct LocalAnswers {
    dropped: Vec<DroppedTask>,
    due: Timestamp,
    refusals: Vec<Refusal>,
}

/// A task that ended without having run.
#[derive(Debug)]
pub(super) struct DroppedTask {
    pub(super) task_id: TaskId,
    pub(super) agent_id: Option<AgentId>,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl LocalAnswers {
    pub(super) fn drop_task(&mut self, task: DroppedTask) {
        self.dropped.push(task);
    }

    /// Does not wait for the pause: the master had a word in this.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        self.due = self.due.min(now);
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    pub(super) fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    /// The drops that are due, as updates of the master.
    pub(super) fn take_due(
        &mut self,
        now: Timestamp,
        framework_id: FrameworkId,
    ) -> Vec<StatusUpdate> {
        if self.dropped.is_empty() || self.due > now {
            return Vec::new();
        }
        self.due = now.after(PAUSE);
        let as_update = |task: DroppedTask| StatusUpdate {
            task: TaskKey {
                framework_id,
                task_id: task.task_id,
            },
            agent_id: task.agent_id,
            number: 0,
            state: TaskState::Dropped,
            reason: Some(task.reason),
            message: task.message,
            exit_code: None,
            usage: Usage::default(),
            outputs: Vec::new(),
            at: now,
        };
        std::mem::take(&mut self.dropped)
            .into_iter()
            .map(as_update)
            .collect()
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        (!self.dropped.is_empty()).then_some(self.due)
    }
}
