//! What an operator may see of an agent: counts for its metrics page.

use std::collections::BTreeMap;

use stoker_types::{AgentId, Epoch, Resources, TaskState};

use crate::{Agent, recovery};

/// An agent in figures. What is not in its log yet does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its id.
    pub agent_id: AgentId,
    /// The term of the master that has admitted it, while it is registered.
    pub epoch: Option<Epoch>,
    /// Whether it is still looking for the runners of an earlier daemon.
    pub is_recovering: bool,
    /// Whether it takes no more tasks, because it was told to stop or was refused.
    pub is_stopping: bool,
    /// How many tasks are in each state; a state without tasks is not there.
    pub tasks: BTreeMap<TaskState, u64>,
    /// How many runner processes it has.
    pub runners: u64,
    /// How many updates are not acknowledged.
    pub unacknowledged_updates: u64,
    /// How many records are on their way to the disk.
    pub pending_records: u64,
    /// What it sells.
    pub total: Resources,
    /// What its tasks have of it.
    pub used: Resources,
}

impl Agent {
    /// The agent in figures, counted anew at each call.
    #[must_use]
    pub fn view(&self) -> View {
        let mut tasks = BTreeMap::new();
        let mut unacknowledged_updates = 0;
        for task in self.tasks.iter().filter(|task| task.is_written) {
            let told = task.updates.told();
            let state = told.map_or(TaskState::Staging, |told| told.state);
            *tasks.entry(state).or_insert(0) += 1;
            unacknowledged_updates += task
                .updates
                .unacknowledged()
                .filter(|update| update.number <= task.updates.written())
                .count();
        }
        let has_process = |runner: &&crate::state::Runner| runner.state.pid().is_some();
        View {
            agent_id: self.id,
            epoch: self.session.registered_epoch(),
            is_recovering: recovery::adopt::is_under_way(self),
            is_stopping: self.stop.is_some(),
            tasks,
            runners: self.runners.iter().filter(has_process).count() as u64,
            unacknowledged_updates: unacknowledged_updates as u64,
            pending_records: self.log.pending() as u64,
            total: self.ledger.total().clone(),
            used: self.ledger.used().clone(),
        }
    }
}
