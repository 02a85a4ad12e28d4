//! The rhythm of a runner that is paced: it runs for a part of each window and is stopped for the
//! rest.

use std::time::Duration;

use stoker_types::{Timestamp, runner::BUDGET_WINDOW};

/// It runs at least so long in each window: it must hear that it is to end its tasks.
const LEAST_RUN: Duration = Duration::from_millis(2);

/// When a paced runner is stopped and goes on.
#[derive(Debug)]
pub(super) struct Pace {
    run: Duration,
    /// When its turn, or its pause, is over.
    next: Timestamp,
    is_paused: bool,
}

/// What is to be done with a paced runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Pause,
    Continue,
}

impl Pace {
    /// It is to run for `run` in each window; it begins with a pause, at once.
    pub(super) fn new(run: Duration, now: Timestamp) -> Self {
        Self {
            run: run.clamp(LEAST_RUN, BUDGET_WINDOW),
            next: now,
            is_paused: false,
        }
    }

    pub(super) const fn next(&self) -> Timestamp {
        self.next
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The next beat, if it is due.
    pub(super) fn beat(&mut self, now: Timestamp) -> Option<Beat> {
        if now < self.next {
            return None;
        }
        self.is_paused = !self.is_paused;
        // From now on, not from when it was due: a driver that is late must not shorten a pause.
        let (beat, length) = if self.is_paused {
            (Beat::Pause, BUDGET_WINDOW.saturating_sub(self.run))
        } else {
            (Beat::Continue, self.run)
        };
        self.next = now.after(length);
        Some(beat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paced_runner_runs_for_its_part_of_each_window() {
        let at = |millis: u64| Timestamp::from_micros(millis * 1000);
        let mut pace = Pace::new(Duration::from_millis(20), at(7));
        let mut beats = Vec::new();
        for millis in 0..110 {
            beats.extend(pace.beat(at(millis)).map(|beat| (millis, beat)));
        }
        let expected = [
            (7, Beat::Pause),
            (37, Beat::Continue),
            (57, Beat::Pause),
            (87, Beat::Continue),
            (107, Beat::Pause),
        ];
        assert_eq!(beats, expected);
    }

    #[test]
    fn it_always_runs_a_little() {
        let now = Timestamp::from_micros(0);
        let mut pace = Pace::new(Duration::ZERO, now);
        assert_eq!(pace.beat(now), Some(Beat::Pause));
        assert_eq!(pace.next(), now.after(Duration::from_millis(48)));
        assert!(pace.is_paused());
    }
}
