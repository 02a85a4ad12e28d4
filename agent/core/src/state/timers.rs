//! The one timer table: what is due when.
//!
//! Owns the order; what happens when a timer is due is `crate::tick`'s business.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{RunnerId, TaskKey, Timestamp, runner::Tenant};

/// What may become due. Each is set at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The runners of an earlier daemon have had their time to answer.
    Adoption,
    /// The master has had its time to answer a registration.
    Registration,
    /// The list of runners is to be told.
    RunnersTold,
    /// What tasks have used is to be told.
    UsageTold,
    /// The tasks, or the runners, of a stopping agent have had their time.
    Stop,
    /// A runner has had nothing to do for long.
    RunnerIdle(RunnerId),
    /// A tenant's runner is to be started again.
    RunnerRetry(Tenant),
    /// A phase of a task's preparation has lasted long enough to be told.
    PreparePhase(TaskKey),
    /// A task's updates are to be sent again.
    Resend(TaskKey),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    times: BTreeMap<Timer, Timestamp>,
    order: BTreeSet<(Timestamp, Timer)>,
}

impl Timers {
    /// Sets a timer, anew if it is set already.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.cancel(&timer);
        self.order.insert((at, timer.clone()));
        self.times.insert(timer, at);
    }

    /// Sets a timer unless it is set already.
    pub(crate) fn set_if_unset(&mut self, timer: Timer, at: Timestamp) {
        if !self.is_set(&timer) {
            self.set(timer, at);
        }
    }

    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.times.remove_entry(timer) {
            self.order.remove(&(at, timer));
        }
    }

    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.times.contains_key(timer)
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the next timer that is due.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.order.pop_first()?;
        self.times.remove(&timer);
        Some(timer)
    }

    /// All timers that are set.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.times.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let at = Timestamp::from_micros;
        let mut timers = Timers::default();
        timers.set(Timer::Stop, at(30));
        timers.set(Timer::Adoption, at(20));
        timers.set(Timer::Registration, at(10));
        timers.set(Timer::Stop, at(5));
        timers.set_if_unset(Timer::Stop, at(50));
        timers.cancel(&Timer::Registration);
        assert_eq!(timers.next(), Some(at(5)));
        assert_eq!(timers.take_due(at(4)), None);
        assert_eq!(timers.take_due(at(25)), Some(Timer::Stop));
        assert_eq!(timers.take_due(at(25)), Some(Timer::Adoption));
        assert_eq!((timers.take_due(at(25)), timers.next()), (None, None));
    }
}
