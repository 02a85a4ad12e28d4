//! What is remembered of the past: the last so many, the oldest forgotten first.

use std::collections::{BTreeSet, VecDeque};

/// The last `limit` distinct things.
#[derive(Clone, Debug)]
pub(crate) struct Remembered<T> {
    limit: usize,
    in_order: VecDeque<T>,
    members: BTreeSet<T>,
}

impl<T: Clone + Ord> Remembered<T> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            in_order: VecDeque::new(),
            members: BTreeSet::new(),
        }
    }

    /// Remembers `thing`; the oldest is forgotten if there are too many.
    pub(crate) fn insert(&mut self, thing: T) {
        if self.members.insert(thing.clone()) {
            self.in_order.push_back(thing);
        }
        while self.in_order.len() > self.limit {
            if let Some(oldest) = self.in_order.pop_front() {
                self.members.remove(&oldest);
            }
        }
    }

    pub(crate) fn contains(&self, thing: &T) -> bool {
        self.members.contains(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::Remembered;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut remembered = Remembered::new(2);
        for number in [1, 2, 2, 3] {
            remembered.insert(number);
        }
        let kept: Vec<bool> = (1..=3).map(|number| remembered.contains(&number)).collect();
        assert_eq!(kept, [false, true, true]);
    }
}
