//! A token bucket of bytes. The time comes in with each call.

use std::time::{Duration, Instant};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Holds up to `burst` bytes and gains `rate` bytes a second.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: u64,
    burst: u64,
    level: u64,
    /// When `level` was right, to the byte.
    filled: Instant,
}

impl Bucket {
    /// A full bucket. Neither number may be zero.
    pub(crate) fn new(rate: u64, burst: u64, now: Instant) -> Self {
        Self {
            rate: rate.max(1),
            burst: burst.max(1),
            level: burst.max(1),
            filled: now,
        }
    }

    /// The bytes that may pass now.
    pub(crate) fn level(&mut self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.filled).as_nanos();
        let gained = elapsed.saturating_mul(u128::from(self.rate)) / NANOS_PER_SECOND;
        if gained >= u128::from(self.burst - self.level) {
            self.level = self.burst;
            self.filled = now;
        } else if gained > 0 {
            // Less than the burst, so it fits; what is not a whole byte yet stays in `filled`.
            self.level += u64::try_from(gained).unwrap_or(u64::MAX);
            self.filled += self.time_for(gained);
        }
        self.level
    }

    /// Takes bytes that [`Self::level`] allowed.
    pub(crate) fn take(&mut self, bytes: u64) {
        self.level = self.level.saturating_sub(bytes);
    }

    /// How long from `now` until `bytes` may pass, or the whole burst if that is less.
    pub(crate) fn wait_for(&mut self, bytes: u64, now: Instant) -> Duration {
        let missing = bytes.min(self.burst).saturating_sub(self.level(now));
        let since_filled = now.saturating_duration_since(self.filled);
        self.time_for(u128::from(missing))
            .saturating_sub(since_filled)
    }

    /// How long it takes to gain `bytes`, rounded up.
    fn time_for(&self, bytes: u128) -> Duration {
        let nanos = (bytes * NANOS_PER_SECOND).div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(8 * MIB, 4 * MIB, start);
        assert_eq!(bucket.level(start), 4 * MIB);
        bucket.take(4 * MIB);
        assert_eq!(bucket.level(start), 0);
        assert_eq!(
            bucket.wait_for(8 * MIB, start),
            Duration::from_millis(500),
            "the burst"
        );
        let later = start + Duration::from_millis(125);
        assert_eq!(bucket.level(later), MIB);
        assert_eq!(bucket.wait_for(2 * MIB, later), Duration::from_millis(125));
    }

    #[test]
    fn an_hour_of_small_steps_loses_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000, 10, start);
        bucket.take(10);
        let mut passed = 0;
        for step in 1..=10_000_u64 {
            // 0.7 bytes a step.
            let now = start + Duration::from_micros(700 * step);
            let level = bucket.level(now);
            bucket.take(level);
            passed += level;
        }
        assert_eq!(passed, 7000);
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut bucket = Bucket::new(1000, 10, start);
        bucket.take(5);
        assert_eq!(
            bucket.level(start.checked_sub(Duration::from_secs(1)).unwrap()),
            5
        );
    }
}
