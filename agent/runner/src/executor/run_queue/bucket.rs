//! A token bucket that may go into debt. The time comes in with each call.

use std::time::{Duration, Instant};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Holds up to a burst of units and gains some every second. What is taken is never refused; a debt
/// is slept off by whoever made it.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Units a second; never zero.
    rate: u64,
    /// The most it holds, in billionths of a unit.
    most: i128,
    /// In billionths of a unit, so that a nanosecond is worth a whole number of them.
    level: i128,
    /// When `level` was right.
    filled: Instant,
}

impl Bucket {
    /// A bucket that gains `rate` units a second, holds what it gains in `burst`, and begins with
    /// what it gains in `start`: whoever has not waited has saved nothing.
    pub(super) fn new(rate: u64, burst: Duration, start: Duration, now: Instant) -> Self {
        let rate = rate.max(1);
        Self {
            rate,
            most: gain(rate, burst),
            level: gain(rate, start),
            filled: now,
        }
    }

    /// Takes units, whether they are there or not.
    pub(super) fn take(&mut self, units: u64, now: Instant) {
        self.fill(now);
        self.level = self
            .level
            .saturating_sub(i128::from(units) * NANOS_PER_SECOND);
    }

    /// How long from `now` until the debt is paid; nothing without one.
    pub(super) fn debt(&mut self, now: Instant) -> Duration {
        self.fill(now);
        let debt = self.level.saturating_neg().max(0).unsigned_abs();
        let nanos = debt.div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The units that were in it at the last look.
    pub(super) fn units(&self) -> u64 {
        u64::try_from(self.level / NANOS_PER_SECOND).unwrap_or(0)
    }

    /// The units that it gains in `time`.
    pub(super) fn worth(&self, time: Duration) -> u64 {
        u64::try_from(gain(self.rate, time) / NANOS_PER_SECOND).unwrap_or(u64::MAX)
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        self.level = self
            .level
            .saturating_add(gain(self.rate, elapsed))
            .min(self.most);
        self.filled = self.filled.max(now);
    }
}

/// What a rate gives in some time, in billionths of a unit.
fn gain(rate: u64, time: Duration) -> i128 {
    let nanos = i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
    nanos.saturating_mul(i128::from(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_debt_takes_its_time_and_what_was_saved_is_bounded() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000, millis(1000), millis(5), start);
        assert_eq!(bucket.units(), 5);
        bucket.take(25, start);
        assert_eq!(bucket.debt(start), millis(20));
        assert_eq!(bucket.debt(start + millis(15)), millis(5));
        assert_eq!(bucket.debt(start + millis(20)), Duration::ZERO);
        assert_eq!(bucket.units(), 0);
        let later = start + Duration::from_secs(3600);
        assert_eq!(bucket.debt(later), Duration::ZERO);
        assert_eq!(bucket.units(), 1000, "one second's worth");
    }

    #[test]
    fn nothing_is_lost_to_rounding_in_very_many_steps() {
        let start = Instant::now();
        let mut bucket = Bucket::new(7, millis(1000), Duration::ZERO, start);
        bucket.take(7, start);
        for step in 0..999_000 {
            bucket.take(0, start + Duration::from_micros(step));
        }
        assert_eq!(
            bucket.debt(start + millis(999)),
            millis(1),
            "7 units are paid after a second"
        );
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_twice() {
        let start = Instant::now() + millis(100);
        let mut bucket = Bucket::new(1000, millis(1000), Duration::ZERO, start);
        bucket.take(0, start - millis(50));
        bucket.take(0, start);
        assert_eq!(bucket.units(), 0);
    }
}
