//! Kills that have not led to an end yet.
//!
//! Owns when each is to be sent (again); a task's end takes its kill out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use stoker_types::{IdGenerator, TaskId, Timestamp, agent::DEFAULT_KILL_GRACE};

use super::backoff::Backoff;

/// The pauses between one kill and the same again.
const RETRIES: Backoff = Backoff {
    first: Duration::from_secs(5),
    longest: Duration::from_secs(60),
};

/// The tasks that are to end.
#[derive(Debug, Default)]
pub(super) struct Kills {
    tasks: BTreeMap<TaskId, Retry>,
    /// The same by time.
    due: BTreeSet<(Timestamp, TaskId)>,
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    at: Timestamp,
    attempt: u32,
    grace: Option<Duration>,
}

impl Kills {
    /// Wants this task to end, with this grace; due at once, unless that is wanted already with one
    /// that is not longer.
    pub(super) fn add(&mut self, now: Timestamp, task_id: &TaskId, grace: Option<Duration>) {
        let length = |grace: Option<Duration>| grace.unwrap_or(DEFAULT_KILL_GRACE);
        let wanted = self.tasks.get(task_id);
        if wanted.is_none_or(|wanted| length(grace) < length(wanted.grace)) {
            self.remove(task_id);
            let retry = Retry {
                at: now,
                attempt: 0,
                grace,
            };
            self.tasks.insert(task_id.clone(), retry);
            self.due.insert((now, task_id.clone()));
        }
    }

    /// The task has ended.
    pub(super) fn remove(&mut self, task_id: &TaskId) {
        if let Some(retry) = self.tasks.remove(task_id) {
            self.due.remove(&(retry.at, task_id.clone()));
        }
    }

    /// There is a new stream: every kill is due again at once.
    pub(super) fn restart(&mut self, now: Timestamp) {
        let tasks = std::mem::take(&mut self.tasks);
        self.due.clear();
        for (task_id, retry) in &tasks {
            self.add(now, task_id, retry.grace);
        }
    }

    /// The tasks whose kill is to be sent now, and their graces; each is due again after its next
    /// pause.
    pub(super) fn take_due(
        &mut self,
        now: Timestamp,
        random: &mut IdGenerator,
    ) -> Vec<(TaskId, Option<Duration>)> {
        let mut taken = Vec::new();
        while self.deadline().is_some_and(|due| due <= now) {
            let Some((_, task_id)) = self.due.pop_first() else {
                break;
            };
            let Some(retry) = self.tasks.get_mut(&task_id) else {
                continue;
            };
            retry.at = now.after(RETRIES.pause(retry.attempt, random));
            retry.attempt = retry.attempt.saturating_add(1);
            self.due.insert((retry.at, task_id.clone()));
            taken.push((task_id, retry.grace));
        }
        taken
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Panics if the two tables differ.
    pub(super) fn check_invariants(&self) {
        let by_task: BTreeSet<(Timestamp, TaskId)> = self
            .tasks
            .iter()
            .map(|(task_id, retry)| (retry.at, task_id.clone()))
            .collect();
        assert_eq!(by_task, self.due, "kills by task and by time differ");
    }
}
