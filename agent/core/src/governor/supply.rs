//! What there is to share: what the machine has, without what other programs take of it.
//!
//! A tenant with many threads would otherwise get its whole share on a busy machine, where the
//! kernel goes by threads, and one with a single thread a fraction. What runners used and what was
//! idle is what they could have had; so shares shrink until those that have few threads can have
//! theirs as well. A little more is always tried for, so that they grow again.

use std::time::Duration;

use stoker_types::Timestamp;

use super::rate;

/// The part of the machine that is tried for beyond what runners have.
const TRIED_FOR: u64 = 40;
/// The part that they have in any case.
const LEAST: u64 = 10;
/// A change by a smaller part of itself is none to speak of.
const SMALLEST_PART: u64 = 64;

/// What runners can have, in nanoseconds a window.
#[derive(Debug)]
pub(super) struct Supply {
    /// Of all cores.
    capacity: u64,
    available: u64,
    last: Option<(Timestamp, Duration)>,
}

impl Supply {
    /// All of `capacity`, until something else is seen.
    pub(super) const fn new(capacity: u64) -> Self {
        Self {
            capacity,
            available: capacity,
            last: None,
        }
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) const fn available(&self) -> u64 {
        self.available
    }

    /// A runner is over: nobody can say any more what it used since the last look.
    pub(super) const fn start_anew(&mut self) {
        self.last = None;
    }

    /// The kernel says that all cores were idle for so long in all, and that runners used `used` of
    /// late, if that is known of all. Whether something else is available than before.
    pub(super) fn seen(&mut self, now: Timestamp, idle: Duration, used: Option<u64>) -> bool {
        let (Some((at, before)), Some(used)) = (self.last.replace((now, idle)), used) else {
            return false;
        };
        let idle = rate(idle.saturating_sub(before), now.since(at));
        let capacity = self.capacity;
        let available = used
            .saturating_add(idle)
            .saturating_add(capacity / TRIED_FOR)
            .clamp(capacity / LEAST, capacity);
        let is_news = available.abs_diff(self.available) > self.available / SMALLEST_PART
            || available == capacity && self.available != capacity;
        if is_news {
            self.available = available;
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: u64 = 50_000_000;

    /// What is available after each second of so much idle time and use, in thousandths of a core.
    fn available(steps: &[(u64, u64)]) -> Vec<u64> {
        let mut supply = Supply::new(2 * CORE);
        let mut now = Timestamp::from_micros(1_000_000);
        let mut idle = Duration::from_secs(4711);
        assert!(
            !supply.seen(now, idle, Some(0)),
            "the first look shows nothing"
        );
        let step = |(idle_part, used): &(u64, u64)| {
            now = now.after(Duration::from_secs(1));
            idle += Duration::from_millis(*idle_part);
            supply.seen(now, idle, Some(CORE / 1000 * used));
            supply.available() / (CORE / 1000)
        };
        steps.iter().map(step).collect()
    }

    #[test]
    fn all_is_available_where_nobody_else_wants_it() {
        let steps = [(2000, 0), (0, 2000), (1000, 1000), (0, 1960), (500, 1490)];
        assert_eq!(available(&steps), [2000; 5]);
    }

    #[test]
    fn what_others_take_is_not_and_comes_back_as_soon_as_it_is_idle() {
        let steps = [(0, 1000), (0, 600), (0, 650), (700, 700), (900, 1100)];
        assert_eq!(available(&steps), [1050, 650, 700, 1450, 2000]);
    }

    #[test]
    fn what_is_not_known_of_all_says_nothing() {
        let mut supply = Supply::new(2 * CORE);
        let at = |second: u64| Timestamp::from_micros(second * 1_000_000);
        let idle = Duration::ZERO;
        assert!(!supply.seen(at(1), idle, Some(0)));
        assert!(!supply.seen(at(2), idle, None), "one was looked at first");
        supply.start_anew();
        assert!(!supply.seen(at(3), idle, Some(0)), "one is over");
        assert!(supply.seen(at(4), idle, Some(CORE)));
    }

    #[test]
    fn something_is_always_available() {
        assert_eq!(available(&[(0, 0), (0, 0)]), [200, 200]);
    }
}
