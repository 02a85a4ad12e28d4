//! The tasks: those that are alive, those whose end is not acknowledged, and the last ones of each
//! framework that are over.
//!
//! Owns the table and its counts. What a step of a task leads to is in `life`.

use std::{collections::BTreeMap, time::Duration};

use stoker_types::{
    AgentId, OutputFile, Reason, Resources, Role, TaskInfo, TaskKey, TaskState, Timestamp, Usage,
    agent::AgentEvent, limit,
};

use crate::{allocator::Tenant, effect::TaskView};

/// A task that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) role: Role,
    pub(crate) agent_id: AgentId,
    pub(crate) info: TaskInfo,
    /// What it is charged while it [holds](Self::holds_resources) resources.
    pub(crate) allocated: Resources,
    pub(crate) state: TaskState,
    pub(crate) reason: Option<Reason>,
    pub(crate) message: String,
    pub(crate) exit_code: Option<i32>,
    pub(crate) usage: Usage,
    /// What it left in the blob store; without content, which only its framework needs.
    pub(crate) outputs: Vec<OutputFile>,
    /// The number of the latest update that its agent made, as far as the master knows; 0 if none.
    pub(crate) latest_number: u64,
    /// All updates up to this number are acknowledged.
    pub(crate) acknowledged_number: u64,
    /// The numbers of updates that came and are not acknowledged, upwards. An agent leaves numbers
    /// out after a boot of its machine, so they say what comes before what.
    pub(crate) seen_numbers: Vec<u64>,
    /// The highest number that the scheduler that is there was told.
    pub(crate) told_number: u64,
    /// That it is to end, if someone wants it to: told to its agent again when that is back.
    pub(crate) kill: Option<Kill>,
    /// Whether it has ended and nobody waits for an acknowledgement: it is only shown.
    pub(crate) is_over: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

/// A wish that a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) reason: Reason,
    /// How long it may take, if it handles that; the agent's default if absent.
    pub(crate) grace: Option<Duration>,
}

impl Kill {
    /// The same for the agent that has the task.
    pub(crate) const fn event(self, task: TaskKey) -> AgentEvent {
        AgentEvent::Kill {
            task,
            reason: self.reason,
            grace: self.grace,
        }
    }
}

impl Task {
    /// An update came. An agent has no more than so many that are not acknowledged.
    pub(crate) fn saw(&mut self, number: u64) {
        let is_bounded = (self.seen_numbers.len() as u64) < limit::UNACKNOWLEDGED_UPDATES_PER_TASK;
        if let Err(place) = self.seen_numbers.binary_search(&number)
            && is_bounded
        {
            self.seen_numbers.insert(place, number);
        }
    }

    /// Whether an update before this one came, which the scheduler that is there was not told.
    pub(crate) fn has_untold_before(&self, number: u64) -> bool {
        let is_untold = |seen: &u64| *seen > self.told_number && *seen < number;
        self.seen_numbers.iter().any(is_untold)
    }

    /// Whether its agent's resources are taken by it. Where it is out of reach, nothing of its
    /// agent is offered, and the framework's share is not to suffer.
    pub(crate) const fn holds_resources(&self) -> bool {
        !self.state.is_terminal() && !matches!(self.state, TaskState::Unreachable)
    }

    /// To whom its resources are charged.
    pub(crate) fn tenant(&self) -> Tenant {
        Tenant {
            framework_id: self.key.framework_id,
            role: self.role.clone(),
        }
    }

    /// As readers see it.
    pub(crate) fn view(&self) -> TaskView {
        TaskView {
            key: self.key.clone(),
            role: self.role.clone(),
            agent_id: self.agent_id,
            task: self.info.clone(),
            allocated: self.allocated.clone(),
            state: self.state,
            reason: self.reason,
            message: self.message.clone(),
            exit_code: self.exit_code,
            usage: self.usage,
            outputs: self.outputs.clone(),
            created_at: self.created_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
        }
    }
}

/// All tasks that the master knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    table: BTreeMap<TaskKey, Task>,
    /// Those that are not over, by state.
    counts: BTreeMap<TaskState, u64>,
    /// Those that ended since the start, by state.
    ended: BTreeMap<TaskState, u64>,
}

impl Tasks {
    pub(crate) fn get(&self, key: &TaskKey) -> Option<&Task> {
        self.table.get(key)
    }

    /// The task for everything but its state and whether it is over.
    pub(crate) fn get_mut(&mut self, key: &TaskKey) -> Option<&mut Task> {
        self.table.get_mut(key)
    }

    /// A new task, which is not over.
    pub(crate) fn insert(&mut self, task: Task) {
        debug_assert!(!task.is_over && !self.table.contains_key(&task.key));
        *self.counts.entry(task.state).or_default() += 1;
        if task.state.is_terminal() {
            *self.ended.entry(task.state).or_default() += 1;
        }
        self.table.insert(task.key.clone(), task);
    }

    /// The task is in another state.
    pub(crate) fn set_state(&mut self, key: &TaskKey, state: TaskState) {
        let Some(task) = self.table.get_mut(key) else {
            return;
        };
        let previous = std::mem::replace(&mut task.state, state);
        if !task.is_over {
            count_down(&mut self.counts, previous);
            *self.counts.entry(state).or_default() += 1;
        }
        if state.is_terminal() && !previous.is_terminal() {
            *self.ended.entry(state).or_default() += 1;
        }
    }

    /// The task is over: it is shown, and nothing more.
    pub(crate) fn set_over(&mut self, key: &TaskKey) {
        if let Some(task) = self.table.get_mut(key)
            && !std::mem::replace(&mut task.is_over, true)
        {
            count_down(&mut self.counts, task.state);
        }
    }

    /// The task is not even shown any more.
    pub(crate) fn remove(&mut self, key: &TaskKey) {
        self.set_over(key);
        self.table.remove(key);
    }

    /// How many there are, those that are over among them.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// All tasks.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.table.values()
    }

    /// Those that are not over, by state.
    pub(crate) const fn counts(&self) -> &BTreeMap<TaskState, u64> {
        &self.counts
    }

    /// Those that ended since the start, by state.
    pub(crate) const fn ended(&self) -> &BTreeMap<TaskState, u64> {
        &self.ended
    }
}

fn count_down(counts: &mut BTreeMap<TaskState, u64>, state: TaskState) {
    if let Some(count) = counts.get_mut(&state) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&state);
        }
    }
}
