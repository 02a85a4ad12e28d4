//! How much CPU time the workers could use, whether they get it or not.

use std::time::{Duration, Instant};

/// Counts the workers that the fibers in the queue and on the workers could keep busy.
#[derive(Debug)]
pub(super) struct Demand {
    workers: usize,
    /// The fibers that could run at once, however few workers there are.
    runnable: usize,
    /// All of it until `since`.
    wanted: Duration,
    since: Instant,
}

impl Demand {
    /// No demand yet on so many workers.
    pub(super) const fn new(workers: usize, now: Instant) -> Self {
        Self {
            workers,
            runnable: 0,
            wanted: Duration::ZERO,
            since: now,
        }
    }

    /// The fibers that could run at once.
    pub(super) const fn runnable(&self) -> usize {
        self.runnable
    }

    /// A task could use so many workers before, and so many now.
    pub(super) fn change(&mut self, before: usize, after: usize, now: Instant) {
        if before == after {
            return;
        }
        let busy = self.busy();
        self.runnable = self.runnable - before + after;
        if self.busy() != busy {
            self.wanted += self.pending(busy, now);
            self.since = self.since.max(now);
        }
    }

    /// The CPU time that could have been used since the beginning.
    pub(super) fn wanted(&self, now: Instant) -> Duration {
        self.wanted + self.pending(self.busy(), now)
    }

    fn busy(&self) -> usize {
        self.runnable.min(self.workers)
    }

    fn pending(&self, busy: usize, now: Instant) -> Duration {
        let busy = u32::try_from(busy).unwrap_or(u32::MAX);
        now.saturating_duration_since(self.since)
            .saturating_mul(busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_wanted_than_there_are_workers() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut demand = Demand::new(2, start);
        demand.change(0, 1, at(10));
        assert_eq!(demand.wanted(at(20)), Duration::from_millis(10));
        demand.change(0, 3, at(20));
        demand.change(3, 2, at(30));
        assert_eq!(demand.runnable(), 3);
        assert_eq!(demand.wanted(at(40)), Duration::from_millis(50));
        demand.change(3, 0, at(40));
        assert_eq!(demand.wanted(at(1000)), Duration::from_millis(50));
    }
}
