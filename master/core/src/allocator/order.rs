//! An order: who is to be served next, kept sorted while shares change.
//!
//! Owns the sorting only; what a share is, is `share`'s business.

use std::collections::{BTreeMap, BTreeSet};

use super::share::Share;

/// Where someone stands: the smallest share first, of equal ones the one that was served longest
/// ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) share: Share,
    /// When it last got something, in allocations since the start; 0 is never.
    pub(super) served: u64,
}

/// Some of `K`, sorted by rank.
#[derive(Clone, Debug)]
pub(super) struct Order<K> {
    ranks: BTreeMap<K, Rank>,
    sorted: BTreeSet<(Rank, K)>,
}

impl<K> Default for Order<K> {
    fn default() -> Self {
        Self {
            ranks: BTreeMap::new(),
            sorted: BTreeSet::new(),
        }
    }
}

impl<K: Clone + Ord> Order<K> {
    pub(super) fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.ranks.contains_key(key)
    }

    /// Puts `key` where `rank` says.
    pub(super) fn insert(&mut self, key: K, rank: Rank) {
        self.remove(&key);
        self.sorted.insert((rank, key.clone()));
        self.ranks.insert(key, rank);
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(rank) = self.ranks.remove(key) {
            self.sorted.remove(&(rank, key.clone()));
        }
    }

    /// From the first to be served to the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.sorted.iter().map(|(_, key)| key)
    }
}
