//! Chance: all that is random in a simulation is drawn from sequences that its one seed fixes.
//!
//! Owns the distributions; what is drawn for what is its callers' business.

use std::time::Duration;

use stoker_types::IdGenerator;

use crate::moment::micros;

/// One sequence of random choices.
#[derive(Clone, Debug)]
pub(crate) struct Random(IdGenerator);

impl Random {
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(IdGenerator::from_seed(seed))
    }

    /// A sequence of its own, so that what one part draws does not move what others draw.
    pub(crate) const fn fork(&mut self) -> Self {
        Self::from_seed(self.0.next_u64())
    }

    /// 64 random bits: the seed of something else.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    pub(crate) const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// An index below `length`; 0 when there is none.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// One of them, if there is any.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.index(choices.len())).copied()
    }

    /// A time in this span, each doubling of the shortest as likely as the next: mostly short,
    /// now and then long.
    pub(crate) fn pause(&mut self, span: Span) -> Duration {
        let (low, high) = (micros(span.0).max(1), micros(span.1).max(1));
        let doublings = (high / low).max(1).ilog2();
        let base = low << self.below(u64::from(doublings) + 1);
        Duration::from_micros(self.between(base, base.saturating_mul(2).min(high).max(base)))
    }
}

/// The shortest and the longest time that something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) Duration, pub(crate) Duration);

impl Span {
    pub(crate) const fn micros(low: u64, high: u64) -> Self {
        Self(Duration::from_micros(low), Duration::from_micros(high))
    }

    pub(crate) const fn millis(low: u64, high: u64) -> Self {
        Self(Duration::from_millis(low), Duration::from_millis(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_in_their_span_and_reach_both_ends_of_it() {
        let mut random = Random::from_seed(1);
        let span = Span::millis(1, 1000);
        let pauses: Vec<Duration> = (0..2000).map(|_| random.pause(span)).collect();
        assert!(pauses.iter().all(|pause| (span.0..=span.1).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause < 2 * span.0));
        assert!(pauses.iter().any(|pause| *pause > span.1 / 2));
    }

    #[test]
    fn a_fork_does_not_follow_its_origin() {
        let mut origin = Random::from_seed(7);
        let mut fork = origin.fork();
        assert_ne!(origin.bits(), fork.bits());
        assert_eq!(
            Random::from_seed(7).fork().bits(),
            Random::from_seed(7).fork().bits()
        );
    }
}
