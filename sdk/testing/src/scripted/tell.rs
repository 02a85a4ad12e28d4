//! What a test tells a scheduler of its tasks: updates as agents make them, and a master's answers.
//!
//! Owns the numbering of each task's updates, and looks whether they are acknowledged.

use stoker_sdk_scheduler::{OutputFile, Scheduler};
use stoker_types::{
    AgentId, Reason, StatusUpdate, TaskId, TaskKey, TaskState, Usage, scheduler::Event,
};

use super::ScriptedMaster;

/// Tasks go on.
impl<S: Scheduler> ScriptedMaster<S> {
    /// Tells that a task is in this state now, as its agent would.
    ///
    /// # Panics
    /// If the scheduler was never heard of this task, or the update is not acknowledged.
    pub fn update(&mut self, task_id: &TaskId, state: TaskState) {
        self.update_because(task_id, state, None);
    }

    /// Like [`update`](Self::update), with the reason.
    ///
    /// # Panics
    /// If no launch of this task was seen, or the update is not acknowledged.
    pub fn update_because(
        &mut self,
        task_id: &TaskId,
        state: TaskState,
        reason: impl Into<Option<Reason>>,
    ) {
        let update = StatusUpdate {
            reason: reason.into(),
            ..self.status(task_id, state)
        };
        self.tell(update);
    }

    /// Tells that a task has finished and left these outputs.
    ///
    /// # Panics
    /// If no launch of this task was seen, or the update is not acknowledged.
    pub fn finish(&mut self, task_id: &TaskId, outputs: impl IntoIterator<Item = OutputFile>) {
        let update = StatusUpdate {
            outputs: outputs.into_iter().collect(),
            ..self.status(task_id, TaskState::Finished)
        };
        self.tell(update);
    }

    /// Answers the question about a task, which may be one that the scheduler launched in an
    /// earlier life: it is in this state.
    pub fn answer(&mut self, task_id: &TaskId, state: TaskState) {
        if state != TaskState::Unknown {
            let agent = AgentId::from_bits(1);
            self.placed.entry(task_id.clone()).or_insert(agent);
        }
        let update = StatusUpdate {
            agent_id: self.placed.get(task_id).copied(),
            reason: Some(Reason::Reconciliation),
            ..self.status(task_id, state)
        };
        self.event(Event::Update(update));
    }

    /// Numbers an update, says it as the task's agent, and looks whether it is acknowledged.
    fn tell(&mut self, update: StatusUpdate) {
        let task_id = update.task.task_id.clone();
        let (number, _) = self.updates.get(&task_id).copied().unwrap_or_default();
        let agent_id = self.placed.get(&task_id).copied();
        assert!(agent_id.is_some(), "no launch of {task_id} was seen");
        let numbers = self.updates.entry(task_id.clone()).or_default();
        numbers.0 = number + 1;
        self.event(Event::Update(StatusUpdate {
            agent_id,
            number: number + 1,
            ..update
        }));
        if self.ending.is_none() || self.is_connected {
            let acknowledged = self.acknowledged(&task_id);
            assert_eq!(
                acknowledged,
                number + 1,
                "the update of {task_id} is not acknowledged"
            );
        }
    }

    /// An update of this task without a number, reason and agent, to be completed for
    /// [`event`](Self::event).
    #[must_use]
    pub fn status(&self, task_id: &TaskId, state: TaskState) -> StatusUpdate {
        StatusUpdate {
            task: TaskKey {
                framework_id: self.framework_id,
                task_id: task_id.clone(),
            },
            agent_id: None,
            number: 0,
            state,
            reason: None,
            message: String::new(),
            exit_code: match state {
                TaskState::Finished => Some(0),
                _ => None,
            },
            usage: Usage::default(),
            outputs: Vec::new(),
            at: self.now,
        }
    }
}
