//! The checkpoint log as the core sees it: records on their way, and what waits for each.
//!
//! Owns the sequence; what follows from a written record is `crate::persisted`'s business.
//!
//! A record that only has to be written never waits for the sync of one before it: a kill of the
//! daemon takes neither, and a power cut takes what both are about.

use std::collections::VecDeque;

use stoker_types::{RunnerId, TaskKey};

use crate::{Durability, Effect, Record};

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
    /// The upload of a task's outputs, and the confirmation of the event that it ended.
    OutputsPending {
        task: TaskKey,
        runner_event: (RunnerId, u64),
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
    /// What waits for records that are to be written,
    to_write: VecDeque<(u64, Awaiting)>,
    /// and for those that are to be synced as well.
    to_sync: VecDeque<(u64, Awaiting)>,
}

impl Log {
    /// Has `record` written; `awaiting` comes out again when it is.
    pub(crate) fn persist(
        &mut self,
        record: Record,
        awaiting: Awaiting,
        effects: &mut Vec<Effect>,
    ) {
        self.last += 1;
        let durability = record.durability();
        let pending = match durability {
            Durability::Written => &mut self.to_write,
            Durability::Synced => &mut self.to_sync,
        };
        pending.push_back((self.last, awaiting));
        effects.push(Effect::Persist {
            sequence: self.last,
            durability,
            record,
        });
    }

    /// The number of the latest record.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Whether all records up to `sequence` are in the log, each in its class.
    pub(crate) fn is_persisted(&self, sequence: u64) -> bool {
        is_through(&self.to_write, sequence) && is_through(&self.to_sync, sequence)
    }

    /// What waited for the next of the records up to `sequence`, all of which are in the log, each
    /// in its class.
    pub(crate) fn next_persisted(&mut self, sequence: u64) -> Option<Awaiting> {
        let [write, sync] = [&self.to_write, &self.to_sync].map(VecDeque::front);
        let is_sync_next = match (write, sync) {
            (Some((write, _)), Some((sync, _))) => sync < write,
            (None, Some(_)) => true,
            (Some(_) | None, None) => false,
        };
        if is_sync_next {
            next(&mut self.to_sync, sequence)
        } else {
            next(&mut self.to_write, sequence)
        }
    }

    /// What waited for the next of the records up to `sequence` that only have to be written, which
    /// they all are.
    pub(crate) fn next_written(&mut self, sequence: u64) -> Option<Awaiting> {
        next(&mut self.to_write, sequence)
    }

    /// How many records are on their way.
    pub(crate) fn pending(&self) -> usize {
        self.to_write.len() + self.to_sync.len()
    }
}

/// Whether nothing waits for a record up to `sequence`.
fn is_through(pending: &VecDeque<(u64, Awaiting)>, sequence: u64) -> bool {
    pending.front().is_none_or(|(first, _)| *first > sequence)
}

fn next(pending: &mut VecDeque<(u64, Awaiting)>, sequence: u64) -> Option<Awaiting> {
    if is_through(pending, sequence) {
        return None;
    }
    pending.pop_front().map(|(_, awaiting)| awaiting)
}
