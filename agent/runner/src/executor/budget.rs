//! The CPU time that a whole runner may use in each window: the runner's side of the governor.
//!
//! Pure: the time and the CPU time of the process come in with each call. No budget is no bound,
//! and one stays in force until another is set.

use std::time::{Duration, Instant};

use stoker_types::runner::BUDGET_WINDOW as WINDOW;

/// The CPU time of a process since any time before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    /// What all its threads used.
    pub(super) used: Duration,
    /// What its workers could have used.
    pub(super) wanted: Duration,
}

/// Whether the workers may run.
#[derive(Debug, Default)]
pub(super) struct Budget {
    limit: Option<Limit>,
    /// The windows so far in which the workers had to pause.
    throttled_windows: u64,
}

#[derive(Debug)]
struct Limit {
    per_window: i128,
    window_ends: Instant,
    /// What was left when this window began, in nanoseconds: a debt if negative.
    at_start: i128,
    /// What is left of that, as far as turns have been booked.
    left: i128,
    /// The CPU time of the process when this window began,
    cpu_at_start: Duration,
    /// and what its workers had wanted.
    wanted_at_start: Duration,
    /// Whether the workers have had to pause in this window.
    has_paused: bool,
}

impl Budget {
    /// Sets what each window may take, from this moment on, and a time at which one began.
    pub(super) fn set(
        &mut self,
        bound: Option<(Duration, Instant)>,
        now: Instant,
        process: Clocks,
    ) {
        let Some((per_window, began)) = bound else {
            self.limit = None;
            return;
        };
        let per_window = nanos(per_window);
        match &mut self.limit {
            None => {
                let window_ends = end_after(began, now);
                let left = part(per_window, window_ends - now);
                self.limit = Some(Limit {
                    per_window,
                    window_ends,
                    at_start: left,
                    left,
                    cpu_at_start: process.used,
                    wanted_at_start: process.wanted,
                    has_paused: false,
                });
            }
            Some(limit) => {
                // This window ends at the nearest of those ends, and has as much more or less as
                // it is longer or shorter.
                let window_ends = end_after(began, limit.window_ends - WINDOW / 2);
                let longer = part(per_window, window_ends - limit.window_ends);
                let shorter = part(per_window, limit.window_ends - window_ends);
                let more = per_window - limit.per_window + longer - shorter;
                limit.per_window = per_window;
                limit.window_ends = window_ends;
                limit.at_start += more;
                limit.left += more;
            }
        }
    }

    /// A turn took so much.
    pub(super) fn charge(&mut self, cpu: Duration) {
        if let Some(limit) = &mut self.limit {
            limit.left -= nanos(cpu);
        }
    }

    /// Until when the workers have to pause, if they have to. `process` tells of the process, and is
    /// asked once a window.
    pub(super) fn pause(
        &mut self,
        now: Instant,
        process: impl FnOnce() -> Clocks,
    ) -> Option<Instant> {
        let limit = self.limit.as_mut()?;
        if now >= limit.window_ends {
            limit.turn_over(now, process());
        }
        if limit.left > 0 {
            return None;
        }
        if !std::mem::replace(&mut limit.has_paused, true) {
            self.throttled_windows += 1;
        }
        Some(limit.window_ends)
    }

    /// The windows so far in which the workers had to pause.
    pub(super) const fn throttled_windows(&self) -> u64 {
        self.throttled_windows
    }
}

impl Limit {
    /// Begins the window that `now` is in. All that the process used counts, the turns among it, so
    /// what was booked of them in the meantime is not looked at. A debt stays. So does what the
    /// workers wanted and did not get, because others had the cores, up to what a window gets: these
    /// are held to their budgets, too, and leave it later. Any other rest is lost.
    fn turn_over(&mut self, now: Instant, process: Clocks) {
        let late = now.saturating_duration_since(self.window_ends);
        let windows = late.as_nanos() / WINDOW.as_nanos() + 1;
        let windows = u32::try_from(windows).unwrap_or(u32::MAX);
        let used = nanos(process.used.saturating_sub(self.cpu_at_start));
        let wanted = nanos(process.wanted.saturating_sub(self.wanted_at_start));
        let rest = self.at_start - used;
        self.at_start = if rest < 0 {
            (rest + self.per_window * i128::from(windows)).min(self.per_window)
        } else {
            self.per_window + rest.min(wanted - used).clamp(0, self.per_window)
        };
        self.left = self.at_start;
        self.cpu_at_start = process.used;
        self.wanted_at_start = process.wanted;
        self.has_paused = false;
        self.window_ends += WINDOW.saturating_mul(windows);
    }
}

/// Where the window begins that the machine's clock of windows, `since_boot`, is in, if they begin
/// `offset` later than the machine's: so long ago.
pub(super) fn into_window(since_boot: Duration, offset: Duration) -> Duration {
    let window = WINDOW.as_nanos();
    let into = (since_boot.as_nanos() + window - offset.as_nanos() % window) % window;
    Duration::from_nanos(u64::try_from(into).unwrap_or(0))
}

/// The first end of a window after `time`, if one began at `began`.
fn end_after(began: Instant, time: Instant) -> Instant {
    let windows = time.saturating_duration_since(began).as_nanos() / WINDOW.as_nanos() + 1;
    began + WINDOW.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX))
}

/// What `time` gets of what a window gets.
fn part(per_window: i128, time: Duration) -> i128 {
    per_window * nanos(time) / nanos(WINDOW)
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn unasked() -> Clocks {
        panic!("asked within a window")
    }

    /// A process that used so much, and wanted nothing else.
    const fn used(ms: u64) -> Clocks {
        Clocks {
            used: millis(ms),
            wanted: millis(ms),
        }
    }

    #[test]
    fn without_a_budget_nobody_pauses() {
        let mut budget = Budget::default();
        let now = Instant::now();
        budget.charge(millis(1_000_000));
        assert_eq!(budget.pause(now, unasked), None);
        budget.set(Some((Duration::ZERO, now)), now, used(0));
        assert!(budget.pause(now, unasked).is_some());
        budget.set(None, now, used(0));
        assert_eq!(budget.pause(now, unasked), None);
    }

    #[test]
    fn workers_pause_when_it_is_used_up_until_the_next_window() {
        let mut budget = Budget::default();
        let start = Instant::now();
        budget.set(Some((millis(20), start)), start, used(100));
        budget.charge(millis(19));
        assert_eq!(budget.pause(start + millis(10), unasked), None);
        budget.charge(millis(3));
        let end = start + WINDOW;
        assert_eq!(budget.pause(start + millis(20), unasked), Some(end));
        // Two over, and one of the control thread's: 17 in the next one.
        assert_eq!(budget.pause(end, || used(123)), None);
        assert_eq!(budget.throttled_windows(), 1);
        budget.charge(millis(16));
        assert_eq!(budget.pause(end + millis(1), unasked), None);
        budget.charge(millis(1));
        assert_eq!(
            budget.pause(end + millis(2), unasked),
            Some(end + WINDOW),
            "17 are used up"
        );
        assert!(budget.pause(end + millis(3), unasked).is_some());
        assert_eq!(budget.throttled_windows(), 2);
    }

    #[test]
    fn a_rest_is_lost_and_a_debt_is_paid_by_as_many_windows_as_it_takes() {
        let mut budget = Budget::default();
        let start = Instant::now();
        budget.set(Some((millis(10), start)), start, used(0));
        // A whole window without any use.
        assert_eq!(budget.pause(start + millis(75), || used(0)), None);
        budget.charge(millis(10));
        assert!(budget.pause(start + millis(80), unasked).is_some());
        // One operation of 35 ms.
        let until = budget.pause(start + millis(100), || used(35));
        assert_eq!(until, Some(start + millis(150)));
        let until = budget.pause(start + millis(150), || used(35));
        assert_eq!(until, Some(start + millis(200)));
        assert_eq!(budget.pause(start + millis(210), || used(35)), None);
        budget.charge(millis(5));
        assert!(
            budget.pause(start + millis(211), unasked).is_some(),
            "25 of 35 were owed"
        );
    }

    #[test]
    fn turns_that_span_windows_are_counted_once() {
        let mut budget = Budget::default();
        let start = Instant::now();
        budget.set(Some((millis(25), start)), start, used(0));
        let mut total = 0;
        // Turns of 7 ms of CPU time, booked when they are over.
        for step in 0..10_000_u64 {
            let now = start + millis(step);
            if budget.pause(now, || used(total)).is_none() {
                total += 1;
                if total.is_multiple_of(7) {
                    budget.charge(millis(7));
                }
            }
        }
        // 200 windows of 25, and a turn that was not booked in time.
        assert!((4900..=5007).contains(&total), "{total}");
    }

    #[test]
    fn another_budget_counts_at_once() {
        let mut budget = Budget::default();
        let start = Instant::now();
        budget.set(Some((millis(10), start)), start, used(0));
        budget.charge(millis(10));
        assert!(budget.pause(start, unasked).is_some());
        budget.set(Some((millis(30), start)), start, used(10));
        assert_eq!(budget.pause(start, unasked), None);
        budget.set(Some((millis(5), start)), start, used(10));
        assert!(budget.pause(start, unasked).is_some());
    }

    #[test]
    fn windows_begin_where_they_are_told_to() {
        assert_eq!(into_window(millis(1234), millis(0)), millis(34));
        assert_eq!(into_window(millis(1234), millis(30)), millis(4));
        assert_eq!(into_window(millis(1234), millis(40)), millis(44));

        let mut budget = Budget::default();
        let start = Instant::now();
        let now = start + millis(30);
        budget.set(Some((millis(25), start)), now, used(0));
        // 20 ms of a window are left.
        budget.charge(millis(10));
        assert_eq!(budget.pause(now, unasked), Some(start + WINDOW));
        let second = start + WINDOW;
        assert_eq!(budget.pause(second, || used(10)), None);
        // Ends 20 ms later from now on: this one is longer once, and gets 10 ms more.
        budget.set(Some((millis(25), start + millis(20))), second, used(10));
        budget.charge(millis(34));
        assert_eq!(budget.pause(second, unasked), None);
        budget.charge(millis(1));
        let end = second + WINDOW + millis(20);
        assert_eq!(budget.pause(second, unasked), Some(end));
        // And 20 ms earlier: what was used too much is paid for.
        budget.set(Some((millis(25), start)), second, used(10));
        assert_eq!(budget.pause(second, unasked), Some(second + WINDOW));
        let third = second + WINDOW;
        assert_eq!(budget.pause(third, || used(45)), None);
        budget.charge(millis(15));
        assert!(budget.pause(third, unasked).is_some(), "10 ms were owed");
    }

    #[test]
    fn what_others_kept_from_the_workers_is_theirs_in_the_next_window() {
        let kept = |used, wanted| Clocks {
            used: millis(used),
            wanted: millis(wanted),
        };
        let mut budget = Budget::default();
        let start = Instant::now();
        budget.set(Some((millis(20), start)), start, used(0));
        // They wanted all of the window and got 12 of 20; in the next one 28.
        budget.charge(millis(12));
        assert_eq!(budget.pause(start + WINDOW, || kept(12, 50)), None);
        budget.charge(millis(27));
        assert_eq!(budget.pause(start + WINDOW, unasked), None);
        budget.charge(millis(1));
        assert!(budget.pause(start + WINDOW, unasked).is_some());
        // They wanted 3 more than they got: the other 15 are lost.
        let third = start + 2 * WINDOW;
        assert_eq!(budget.pause(third, || kept(40, 100)), None);
        budget.charge(millis(2));
        let fourth = start + 3 * WINDOW;
        assert_eq!(budget.pause(fourth, || kept(42, 105)), None);
        budget.charge(millis(22));
        assert_eq!(budget.pause(fourth, unasked), None);
        budget.charge(millis(1));
        assert!(budget.pause(fourth, unasked).is_some());
        // Nothing at all for long: no more than one window's.
        assert_eq!(budget.pause(start + 9 * WINDOW, || kept(65, 500)), None);
        assert_eq!(budget.pause(start + 10 * WINDOW, || kept(65, 550)), None);
        budget.charge(millis(40));
        assert!(budget.pause(start + 10 * WINDOW, unasked).is_some());
    }
}
