//! The frameworks that the master shut down: a task of theirs that turns up late does not run.
//!
//! Owns a bounded set; the oldest is forgotten first. Not in the log: the master says it again.

use std::collections::{BTreeSet, VecDeque};

use stoker_types::FrameworkId;

#[derive(Clone, Debug, Default)]
pub(crate) struct RemovedFrameworks {
    known: BTreeSet<FrameworkId>,
    oldest_first: VecDeque<FrameworkId>,
}

impl RemovedFrameworks {
    pub(crate) fn contains(&self, framework_id: FrameworkId) -> bool {
        self.known.contains(&framework_id)
    }

    /// Remembers a framework, and at most `limit` of them.
    pub(crate) fn insert(&mut self, framework_id: FrameworkId, limit: usize) {
        if !self.known.insert(framework_id) {
            return;
        }
        self.oldest_first.push_back(framework_id);
        while self.oldest_first.len() > limit {
            if let Some(oldest) = self.oldest_first.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut removed = RemovedFrameworks::default();
        for bits in [1, 2, 1, 3] {
            removed.insert(FrameworkId::from_bits(bits), 2);
        }
        let known: Vec<bool> = (1..=3)
            .map(|bits| removed.contains(FrameworkId::from_bits(bits)))
            .collect();
        assert_eq!(known, [false, true, true]);
    }
}
