//! The one timer table: everything that is due at a time.
//!
//! Owns when; what is done then is decided in `tick`.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{AgentId, FrameworkId, OfferId, Timestamp};

use crate::allocator::FilterKey;

/// Something that is due at a time. Each exists at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The allocator is to run.
    Allocation,
    /// An agent is to be pinged, or has been silent for too long.
    Ping(AgentId),
    /// An agent that is away counts as unreachable from then on.
    AgentReturn(AgentId),
    /// An offer is rescinded.
    Offer(OfferId),
    /// A decline filter is over.
    Filter(FilterKey),
    /// A scheduler hears a heartbeat.
    Heartbeat(FrameworkId),
    /// A framework whose scheduler is away is over.
    Failover(FrameworkId),
    /// A framework that only agents know of is over.
    Orphan(FrameworkId),
}

/// When each timer is due.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    by_timer: BTreeMap<Timer, Timestamp>,
    by_time: BTreeSet<(Timestamp, Timer)>,
}

impl Timers {
    /// `timer` is due at `at`, and not when it was due before.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.cancel(&timer);
        self.by_time.insert((at, timer.clone()));
        self.by_timer.insert(timer, at);
    }

    /// `timer` is not due any more. Whether it was.
    pub(crate) fn cancel(&mut self, timer: &Timer) -> bool {
        let Some(at) = self.by_timer.remove(timer) else {
            return false;
        };
        self.by_time.remove(&(at, timer.clone()))
    }

    /// When the first one is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// When this one is due.
    pub(crate) fn get(&self, timer: &Timer) -> Option<Timestamp> {
        self.by_timer.get(timer).copied()
    }

    /// Those that are due at `now`, in the order of their times. They stay set until
    /// [`Self::take_if_due`]: one may be cancelled by what an earlier one leads to.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Timer> {
        self.by_time
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, timer)| timer.clone())
            .collect()
    }

    /// Whether `timer` is due at `now`; it is not set any more then.
    pub(crate) fn take_if_due(&mut self, timer: &Timer, now: Timestamp) -> bool {
        self.get(timer).is_some_and(|at| at <= now) && self.cancel(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn timers_are_due_in_the_order_of_their_times() {
        let mut timers = Timers::default();
        let (first, second) = (AgentId::from_bits(2), AgentId::from_bits(1));
        timers.set(Timer::Ping(second), at(20));
        timers.set(Timer::Ping(first), at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.due(at(15)), [Timer::Ping(first)]);
        assert_eq!(
            timers.due(at(20)),
            [Timer::Ping(first), Timer::Ping(second)]
        );
    }

    #[test]
    fn a_timer_that_is_set_again_is_due_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Allocation, at(10));
        timers.set(Timer::Allocation, at(30));
        assert!(!timers.take_if_due(&Timer::Allocation, at(20)));
        assert!(timers.take_if_due(&Timer::Allocation, at(30)));
        assert_eq!(timers.next(), None);
    }
}
