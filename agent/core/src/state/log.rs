//! The checkpoint log as the core sees it: records on their way, and what waits for each.
//!
//! Owns the sequence; what follows from a written record is `crate::persisted`'s business.

use std::collections::VecDeque;

use stoker_types::{RunnerId, TaskKey};

use crate::{Effect, Record};

/// What waits for a record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaiting {
    /// A task's preparation.
    Launched(TaskKey),
    /// A runner's start.
    RunnerStarted(RunnerId),
    /// A task's hand-over.
    HandedOver { task: TaskKey, runner_id: RunnerId },
    /// The order to a runner.
    KillRequested(TaskKey),
    /// An update's way to the master, and the confirmation of the event that it stems from.
    Update {
        task: TaskKey,
        number: u64,
        runner_event: Option<(RunnerId, u64)>,
    },
    /// The end of our memory of a task.
    Forgotten(TaskKey),
    /// Nothing.
    Nothing,
}

/// The records that are on their way to the disk, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    last: u64,
    pending: VecDeque<(u64, Awaiting)>,
}

impl Log {
    /// Has `record` written; `awaiting` comes out of [`Log::next_written`] when it is.
    pub(crate) fn persist(
        &mut self,
        record: Record,
        awaiting: Awaiting,
        effects: &mut Vec<Effect>,
    ) {
        self.last += 1;
        self.pending.push_back((self.last, awaiting));
        effects.push(Effect::Persist {
            sequence: self.last,
            durability: record.durability(),
            record,
        });
    }

    /// The number of the latest record.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Whether all records up to `sequence` are written.
    pub(crate) fn is_written(&self, sequence: u64) -> bool {
        self.pending
            .front()
            .is_none_or(|(first, _)| *first > sequence)
    }

    /// What waited for the next of the records up to `sequence`, all of which are written.
    pub(crate) fn next_written(&mut self, sequence: u64) -> Option<Awaiting> {
        if self.is_written(sequence) {
            return None;
        }
        self.pending.pop_front().map(|(_, awaiting)| awaiting)
    }

    /// How many records are on their way.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }
}
