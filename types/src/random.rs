//! The seeded generator behind every id: one seed gives one sequence, so a simulation replays.
//!
//! Owns nothing but its state; never asks the operating system for randomness (the edge seeds it).

use crate::{AgentId, FrameworkId, RunnerId};

/// Makes ids and jitter from one 64-bit seed by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
///
/// Not for secrets: whoever knows a few outputs knows them all.
#[derive(Clone, Debug)]
pub struct IdGenerator {
    state: u64,
}

impl IdGenerator {
    /// A generator whose whole sequence is fixed by `seed`.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, for jitter; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.next_u64() % bound
        }
    }

    /// A new framework id.
    pub const fn framework_id(&mut self) -> FrameworkId {
        FrameworkId::from_bits(self.next_u64())
    }

    /// A new agent id.
    pub const fn agent_id(&mut self) -> AgentId {
        AgentId::from_bits(self.next_u64())
    }

    /// A new runner id.
    pub const fn runner_id(&mut self) -> RunnerId {
        RunnerId::from_bits(self.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::IdGenerator;

    #[test]
    fn one_seed_gives_one_sequence() {
        let mut first = IdGenerator::from_seed(7);
        let mut second = IdGenerator::from_seed(7);
        let sequence: Vec<u64> = (0..4).map(|_| first.next_u64()).collect();
        assert_eq!(
            sequence,
            (0..4).map(|_| second.next_u64()).collect::<Vec<_>>()
        );
        assert_ne!(sequence[0], sequence[1]);
    }
}
