//! The tasks whose state the master has been asked for and has not told yet.
//!
//! Owns whom to ask about and when; what an answer means is the task table's.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use stoker_types::{IdGenerator, TaskId, Timestamp, limit, scheduler::Call};

use super::backoff::Backoff;

/// The pauses between one question and the same again: agents need a while to return to a new
/// master, which does not answer for them before that.
const REPEATS: Backoff = Backoff {
    first: Duration::from_secs(2),
    longest: Duration::from_secs(60),
};
/// How often all tasks are asked for when nothing gave a reason to.
const ROUNDS: Backoff = Backoff {
    first: Duration::from_secs(15 * 60),
    longest: Duration::from_secs(15 * 60),
};

/// How long the master's word that a task has ended waits for the agent's own, which says how.
const AGENT_FIRST: Duration = Duration::from_secs(1);

/// Open questions.
#[derive(Debug, Default)]
pub(super) struct Reconciliation {
    open: BTreeMap<TaskId, Question>,
    /// When to ask (again); always set while something is open.
    due: Option<Timestamp>,
    attempt: u32,
    next_round: Option<Timestamp>,
}

/// A task that is asked about.
#[derive(Debug, Default)]
struct Question {
    /// Whether the author asked, who then hears the answer whatever it is.
    by_author: bool,
    /// When the master first said on this stream that the task has ended.
    ended_since: Option<Timestamp>,
}

impl Reconciliation {
    /// A new round: asks about these tasks, and those that are still open, now.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        tasks: impl Iterator<Item = TaskId>,
        random: &mut IdGenerator,
    ) {
        for task_id in tasks {
            self.open.entry(task_id).or_default().ended_since = None;
        }
        self.attempt = 0;
        self.due = (!self.open.is_empty()).then_some(now);
        self.next_round = Some(now.after(ROUNDS.pause(0, random)));
    }

    /// Asks about these tasks now, because the author wants to know.
    pub(super) fn ask(&mut self, now: Timestamp, tasks: Vec<TaskId>) {
        for task_id in tasks {
            self.open.entry(task_id).or_default().by_author = true;
            self.due = Some(now);
        }
        self.attempt = 0;
    }

    /// The state of this task is known now; says whether the author asked for it.
    pub(super) fn answered(&mut self, task_id: &TaskId) -> bool {
        let question = self.open.remove(task_id);
        if self.open.is_empty() {
            self.due = None;
        }
        question.is_some_and(|question| question.by_author)
    }

    /// The master answers that this task has ended, but not why, nor what it left: that is in the
    /// agent's update, which is on its way unless it was acknowledged in an earlier life. Says
    /// whether it was waited for long enough; until then the question is open, and soon repeated.
    pub(super) fn believes_end(
        &mut self,
        now: Timestamp,
        task_id: &TaskId,
        random: &mut IdGenerator,
    ) -> bool {
        let question = self.open.entry(task_id.clone()).or_default();
        if let Some(since) = question.ended_since {
            return now.since(since) >= AGENT_FIRST;
        }
        question.ended_since = Some(now);
        let soon = now.after(REPEATS.pause(0, random).max(AGENT_FIRST));
        self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
        self.attempt = 0;
        false
    }

    /// Whether it is time for another round.
    pub(super) fn is_round_due(&self, now: Timestamp) -> bool {
        self.next_round.is_some_and(|round| round <= now)
    }

    /// The questions to send now.
    pub(super) fn take_due(&mut self, now: Timestamp, random: &mut IdGenerator) -> Vec<Call> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = Some(now.after(REPEATS.pause(self.attempt, random)));
        self.attempt = self.attempt.saturating_add(1);
        let open: Vec<TaskId> = self.open.keys().cloned().collect();
        open.chunks(limit::BATCH_ITEMS)
            .map(|tasks| Call::Reconcile {
                tasks: tasks.to_vec(),
            })
            .collect()
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.due.into_iter().chain(self.next_round).min()
    }

    /// Panics if an open question is never asked again, or one that no one asks has a time.
    pub(super) fn check_invariants(&self) {
        assert_eq!(
            self.due.is_some(),
            !self.open.is_empty(),
            "open questions and their time differ"
        );
    }

    /// The tasks that are asked about.
    pub(super) fn open(&self) -> BTreeSet<&TaskId> {
        self.open.keys().collect()
    }
}
