//! What the tasks of this agent take out of what it sells.
//!
//! Owns the sum; who takes how much is with the tasks. A task that does not fit is never charged.

use stoker_types::Resources;

/// The resources of an agent: in all, and what is taken.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    total: Resources,
    used: Resources,
}

impl Ledger {
    pub(crate) fn new(total: Resources) -> Self {
        Self {
            total,
            used: Resources::default(),
        }
    }

    pub(crate) const fn total(&self) -> &Resources {
        &self.total
    }

    pub(crate) const fn used(&self) -> &Resources {
        &self.used
    }

    /// What is not taken; nothing if more is taken than there is now.
    pub(crate) fn left(&self) -> Resources {
        self.total.checked_sub(&self.used).unwrap_or_default()
    }

    /// Takes `resources` out of what is left, if they are all there.
    #[must_use]
    pub(crate) fn take(&mut self, resources: &Resources) -> bool {
        self.left().contains(resources) && self.restore(resources)
    }

    /// Takes what a task of an earlier daemon has already, even if the operator sells less now.
    /// False if that is no sum: a port that another task has too.
    #[must_use]
    pub(crate) fn restore(&mut self, resources: &Resources) -> bool {
        match self.used.checked_add(resources) {
            Some(sum) => {
                self.used = sum;
                true
            }
            None => false,
        }
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&mut self, resources: &Resources) {
        if let Some(rest) = self.used.checked_sub(resources) {
            self.used = rest;
        } else {
            debug_assert!(false, "{resources} is given back and was not taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let mut ledger = Ledger::new(resources("cpus=2;ports=1-10"));
        assert!(ledger.take(&resources("cpus=1.5;ports=1-3")));
        assert!(!ledger.take(&resources("cpus=1")));
        assert!(!ledger.take(&resources("cpus=0.1;ports=3-4")));
        assert_eq!(ledger.left(), resources("cpus=0.5;ports=4-10"));
        ledger.give_back(&resources("cpus=1.5;ports=1-3"));
        assert!(ledger.used().is_empty());
    }

    #[test]
    fn tasks_keep_what_they_have_when_the_operator_sells_less() {
        let mut ledger = Ledger::new(resources("cpus=1"));
        assert!(ledger.restore(&resources("cpus=2")));
        assert!(ledger.left().is_empty());
        assert!(!ledger.take(&resources("cpus=0.1")));
        ledger.give_back(&resources("cpus=2"));
        assert!(ledger.take(&resources("cpus=1")));
    }
}
