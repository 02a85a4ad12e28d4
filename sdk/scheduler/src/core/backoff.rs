//! Pauses that grow: doubled from a first one up to a longest one, with jitter.
//!
//! Owns the arithmetic; who counts attempts, and when they are over, is its users' business.

use std::time::Duration;

use stoker_types::IdGenerator;

/// A series of growing pauses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    /// The first pause.
    pub(super) first: Duration,
    /// No pause is longer.
    pub(super) longest: Duration,
}

impl Backoff {
    /// The pause before attempt number `attempt`, counted from 0: a random time between half of
    /// the doubled pause and all of it, so that those who lost the same master do not return at
    /// the same moment.
    pub(super) fn pause(self, attempt: u32, random: &mut IdGenerator) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        let pause = self.first.saturating_mul(factor).min(self.longest);
        let half = u64::try_from(pause.as_micros() / 2).unwrap_or(u64::MAX);
        Duration::from_micros(half + random.below(half.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_keep_at_least_half() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(15),
        };
        let mut random = IdGenerator::from_seed(3);
        for (attempt, full) in [(0, 100), (1, 200), (5, 3200), (8, 15_000), (1000, 15_000)] {
            for _ in 0..100 {
                let pause = backoff.pause(attempt, &mut random).as_millis();
                assert!((full / 2..=full).contains(&pause), "{attempt}: {pause} ms");
            }
        }
    }
}
