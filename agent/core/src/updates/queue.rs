//! The updates of one task: numbered from 1, kept until acknowledged. (Numbers have a gap only
//! after a boot of the machine: see [`NUMBERS_LOST_BY_A_BOOT`].)
//!
//! Owns the counting. acknowledged ≤ sent ≤ written ≤ latest.

use std::collections::VecDeque;

use stoker_types::{Reason, StatusUpdate, TaskState, Usage, limit};

use crate::RecoveredTask;

/// How many numbers may have been used, and sent, without being in the log after a boot of the
/// machine: updates are only synced when they are terminal, so a power cut may take the others.
/// The update that is made then leaves these numbers out, lest it be taken for one of them. More
/// than a task can make.
pub(crate) const NUMBERS_LOST_BY_A_BOOT: u64 = 1000;

/// What may be told of a task: what its latest written update says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) state: TaskState,
    pub(crate) reason: Option<Reason>,
    pub(crate) usage: Usage,
}

impl From<&StatusUpdate> for Told {
    fn from(update: &StatusUpdate) -> Self {
        Self {
            state: update.state,
            reason: update.reason,
            usage: update.usage,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateQueue {
    /// All updates up to this one are acknowledged.
    acknowledged: u64,
    /// All later ones, in order.
    unacknowledged: VecDeque<StatusUpdate>,
    /// The latest one, acknowledged or not.
    latest: Option<StatusUpdate>,
    /// All updates up to this one are in the log.
    written: u64,
    told: Option<Told>,
    /// All updates up to this one were sent on the present stream.
    sent: u64,
    /// All updates up to this one may have been sent on some stream.
    ever_sent: u64,
    /// How often the present ones were sent again.
    pub(crate) resends: u32,
}

impl UpdateQueue {
    /// The updates that the log holds.
    pub(crate) fn restore(task: &RecoveredTask) -> Self {
        let latest = task
            .latest
            .clone()
            .or_else(|| task.unacknowledged.last().cloned());
        let number = latest.as_ref().map_or(0, |update| update.number);
        Self {
            acknowledged: task.acknowledged_number,
            unacknowledged: task.unacknowledged.iter().cloned().collect(),
            told: latest.as_ref().map(Told::from),
            latest,
            written: number,
            sent: task.acknowledged_number,
            ever_sent: number,
            resends: 0,
        }
    }

    pub(crate) const fn latest(&self) -> Option<&StatusUpdate> {
        self.latest.as_ref()
    }

    pub(crate) fn latest_number(&self) -> u64 {
        self.latest.as_ref().map_or(0, |update| update.number)
    }

    /// The state of the latest update, written or not.
    pub(crate) fn state(&self) -> TaskState {
        self.latest
            .as_ref()
            .map_or(TaskState::Staging, |update| update.state)
    }

    pub(crate) const fn told(&self) -> Option<Told> {
        self.told
    }

    pub(crate) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    pub(crate) const fn ever_sent(&self) -> u64 {
        self.ever_sent
    }

    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = &StatusUpdate> {
        self.unacknowledged.iter()
    }

    /// Adds the next update, whose number is higher than all before.
    pub(crate) fn push(&mut self, update: StatusUpdate) {
        debug_assert!(update.number > self.latest_number());
        self.latest = Some(update.clone());
        self.unacknowledged.push_back(update);
    }

    /// The update with this number is in the log. False if that is no news.
    pub(crate) fn mark_written(&mut self, number: u64) -> bool {
        if number <= self.written {
            return false;
        }
        self.written = number;
        let update = self
            .unacknowledged
            .iter()
            .find(|update| update.number == number);
        self.told = update.map(Told::from).or(self.told);
        true
    }

    /// A new stream: nothing was sent on it yet.
    pub(crate) const fn begin_stream(&mut self) {
        self.sent = self.acknowledged;
        self.resends = 0;
    }

    /// The next update that may be sent now, which counts as sent from here on.
    pub(crate) fn take_sendable(&mut self) -> Option<StatusUpdate> {
        let under_way = self.in_flight().count() as u64;
        if under_way >= limit::UNACKNOWLEDGED_UPDATES_PER_TASK {
            return None;
        }
        let (sent, written) = (self.sent, self.written);
        let is_next = |update: &&StatusUpdate| (sent + 1..=written).contains(&update.number);
        let update = self.unacknowledged.iter().find(is_next)?.clone();
        self.sent = update.number;
        self.ever_sent = self.ever_sent.max(self.sent);
        Some(update)
    }

    /// The updates that were sent and are not acknowledged.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = &StatusUpdate> {
        let sent = self.sent;
        self.unacknowledged
            .iter()
            .take_while(move |update| update.number <= sent)
    }

    /// Whether something was sent and is not acknowledged.
    pub(crate) fn has_in_flight(&self) -> bool {
        self.in_flight().next().is_some()
    }

    /// All updates up to this one are taken care of. False if that is no news, or if it was
    /// never sent.
    pub(crate) fn acknowledge(&mut self, number: u64) -> bool {
        if number <= self.acknowledged || number > self.ever_sent {
            return false;
        }
        self.acknowledged = number;
        self.sent = self.sent.max(number);
        self.unacknowledged.retain(|update| update.number > number);
        // Most tasks run for long with nothing to tell: room for four updates is a kilobyte.
        self.unacknowledged.shrink_to_fit();
        self.resends = 0;
        true
    }

    /// Whether nothing is left to tell, now and ever.
    pub(crate) fn is_over(&self) -> bool {
        self.state().is_terminal() && self.unacknowledged.is_empty()
    }
}
