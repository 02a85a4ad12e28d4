//! What is known of the framework's tasks: those that live, and the last that ended.
//!
//! Owns what is new in an update and what was heard before. Never sends anything.

use std::collections::{BTreeMap, VecDeque};

use stoker_types::{AgentId, Reason, StatusUpdate, TaskId, TaskState};

/// How many ended tasks are remembered, so that a late repetition is known as one. The master
/// remembers as many.
const ENDED_TASKS: usize = 10_000;

/// The framework's tasks.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    live: BTreeMap<TaskId, LiveTask>,
    ended: BTreeMap<TaskId, End>,
    /// The ended ones, oldest first.
    ended_order: VecDeque<TaskId>,
}

#[derive(Clone, Debug)]
struct LiveTask {
    state: TaskState,
    /// The highest number heard; 0 if no agent has spoken yet.
    number: u64,
    /// The launch that no one has answered yet, and the agent that it went to.
    unanswered: Option<(u64, AgentId)>,
}

/// Who said that a task has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its agent, or the master.
    Told,
    /// This side, because its launch was lost: should it run all the same, it is one too many.
    Presumed,
}

/// What an update is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    /// The author has not heard it.
    New,
    /// The author has heard it, or something later.
    Known,
    /// No one in the cluster knows the task, and no one ever did: its launch was lost.
    LaunchLost,
    /// It lives, and the author was told that it never ran.
    Undead,
}

impl Tasks {
    /// A launch was sent.
    pub(super) fn launched(&mut self, task_id: TaskId, call_id: u64, agent_id: AgentId) {
        let task = LiveTask {
            state: TaskState::Staging,
            number: 0,
            unanswered: Some((call_id, agent_id)),
        };
        self.live.insert(task_id, task);
    }

    /// Whether this id is a task's already.
    pub(super) fn is_known(&self, task_id: &TaskId) -> bool {
        self.live.contains_key(task_id) || self.has_ended(task_id)
    }

    pub(super) fn has_ended(&self, task_id: &TaskId) -> bool {
        self.ended.contains_key(task_id)
    }

    pub(super) fn count_live(&self) -> usize {
        self.live.len()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = (&TaskId, TaskState)> {
        self.live
            .iter()
            .map(|(task_id, task)| (task_id, task.state))
    }

    /// The tasks of one launch that no one has answered for yet.
    pub(super) fn unanswered(&self, call_id: u64) -> Vec<(TaskId, AgentId)> {
        let of_call = |task: &LiveTask| task.unanswered.filter(|(id, _)| *id == call_id);
        self.live
            .iter()
            .filter_map(|(task_id, task)| Some((task_id.clone(), of_call(task)?.1)))
            .collect()
    }

    /// The agent that an unanswered launch of this task went to.
    pub(super) fn launched_on(&self, task_id: &TaskId) -> Option<AgentId> {
        let (_, agent_id) = self.live.get(task_id)?.unanswered?;
        Some(agent_id)
    }

    /// Takes an update in and says what it is worth. `was_asked` if the author wants to hear it
    /// even though it may be nothing new.
    pub(super) fn observe(&mut self, update: &StatusUpdate, was_asked: bool) -> Novelty {
        let task_id = &update.task.task_id;
        if let Some(end) = self.ended.get(task_id) {
            let lives = !update.state.is_terminal() && update.state != TaskState::Unknown;
            return match end {
                End::Presumed if lives => Novelty::Undead,
                End::Presumed | End::Told => Novelty::Known,
            };
        }
        let task = self.live.get(task_id);
        if task.is_some_and(|task| task.unanswered.is_some() && update.state == TaskState::Unknown)
        {
            return Novelty::LaunchLost;
        }
        if task.is_some_and(|task| !task.is_told_more_by(update, was_asked)) {
            return Novelty::Known;
        }
        if update.state.is_terminal() {
            self.end(task_id, End::Told);
        } else {
            let number = task.map_or(0, |task| task.number).max(update.number);
            let task = LiveTask {
                state: update.state,
                number,
                unanswered: None,
            };
            self.live.insert(task_id.clone(), task);
        }
        Novelty::New
    }

    /// This side is sure that the task never ran.
    pub(super) fn presume_dropped(&mut self, task_id: &TaskId) {
        self.end(task_id, End::Presumed);
    }

    fn end(&mut self, task_id: &TaskId, end: End) {
        self.live.remove(task_id);
        if self.ended.insert(task_id.clone(), end).is_none() {
            self.ended_order.push_back(task_id.clone());
        }
        if self.ended_order.len() > ENDED_TASKS
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    /// Panics if a task lives and has ended, or the memory of ended ones is in disorder.
    pub(super) fn check_invariants(&self) {
        assert_eq!(
            self.ended.len(),
            self.ended_order.len(),
            "ended tasks and their order differ"
        );
        assert!(
            self.ended.len() <= ENDED_TASKS,
            "too many ended tasks are remembered"
        );
        let both = self
            .live
            .keys()
            .find(|task_id| self.ended.contains_key(*task_id));
        assert_eq!(both, None, "a task lives and has ended");
    }
}

impl LiveTask {
    /// Whether `update` says something that was not heard yet.
    fn is_told_more_by(&self, update: &StatusUpdate, was_asked: bool) -> bool {
        if update.needs_acknowledgement() {
            // An answer of the master may have been ahead of the agent's own words.
            let is_behind = self.state != TaskState::Unknown
                && self.state != update.state
                && !self.state.may_become(update.state);
            return update.number > self.number && !is_behind;
        }
        if update.reason != Some(Reason::Reconciliation) || self.state == TaskState::Unknown {
            return true;
        }
        // The answer to a question may be older than what was heard since it was asked.
        let is_same = update.state == self.state;
        let is_step = self.state.may_become(update.state) || update.state == TaskState::Unknown;
        (is_same && (was_asked || self.unanswered.is_some())) || (!is_same && is_step)
    }
}
