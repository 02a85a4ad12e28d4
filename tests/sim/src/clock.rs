//! What a process believes the time to be, and when it is to look at it.
//!
//! Owns the drivers' rule: one reading of the wall clock at the start, which may be wrong by
//! minutes, then a clock that never goes back while the process lives, and that may jump ahead.

use std::time::Duration;

use stoker_types::Timestamp;

use crate::{
    moment::{Moment, micros},
    random::{Random, Span},
};

/// When the simulation begins, by a clock that is right.
const BEGINNING_MICROS: u64 = 1_800_000_000_000_000;
/// How far a machine's wall clock is from the right time, mostly.
const SYNCHRONISED: Span = Span::millis(1, 500);
/// And rarely.
const WRONG: Span = Span::millis(1_000, 600_000);

/// The clock of one life of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// How far it is ahead of a clock that started with the simulation.
    ahead: Duration,
}

impl Clock {
    /// The clock of a process that starts: later lives may well begin earlier than others ended.
    pub(crate) fn start(random: &mut Random) -> Self {
        let span = if random.percent(5) {
            WRONG
        } else {
            SYNCHRONISED
        };
        Self {
            ahead: random.pause(span),
        }
    }

    pub(crate) fn now(&self, moment: Moment) -> Timestamp {
        Timestamp::from_micros(BEGINNING_MICROS + moment.as_micros() + micros(self.ahead))
    }

    /// Its machine slept, or someone set it.
    pub(crate) fn jump(&mut self, ahead: Duration) {
        self.ahead += ahead;
    }

    /// When this clock shows `at`.
    pub(crate) fn moment_of(&self, at: Timestamp) -> Moment {
        let shown = BEGINNING_MICROS + micros(self.ahead);
        Moment::from_micros(at.as_micros().saturating_sub(shown))
    }
}

/// The earliest deadline for which a process is to be woken: one event in the queue is enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Due(Option<Timestamp>);

impl Due {
    /// When the process is to be woken for `deadline`, if nothing wakes it before.
    pub(crate) fn arm(
        &mut self,
        deadline: Option<Timestamp>,
        clock: &Clock,
        now: Moment,
    ) -> Option<Moment> {
        let deadline = deadline?;
        if self.0.is_some_and(|armed| armed <= deadline) {
            return None;
        }
        self.0 = Some(deadline);
        Some(clock.moment_of(deadline).max(now))
    }

    /// The process is awake, or its clock has jumped.
    pub(crate) const fn disarm(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_a_time_at_its_moment() {
        let mut clock = Clock::start(&mut Random::from_seed(3));
        clock.jump(Duration::from_secs(90));
        let moment = Moment::from_micros(5_000_000);
        assert_eq!(clock.moment_of(clock.now(moment)), moment);
    }

    #[test]
    fn only_an_earlier_deadline_wakes_anew() {
        let (clock, mut due) = (Clock::start(&mut Random::from_seed(3)), Due::default());
        let at = |micros| clock.now(Moment::from_micros(micros));
        let now = Moment::default();
        assert_eq!(
            due.arm(Some(at(50)), &clock, now),
            Some(Moment::from_micros(50))
        );
        assert_eq!(due.arm(Some(at(60)), &clock, now), None);
        assert_eq!(
            due.arm(Some(at(40)), &clock, now),
            Some(Moment::from_micros(40))
        );
        due.disarm();
        assert_eq!(
            due.arm(Some(at(60)), &clock, now),
            Some(Moment::from_micros(60))
        );
        assert_eq!(due.arm(None, &clock, now), None);
    }
}
