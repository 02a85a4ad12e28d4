//! Watches how busy the process is, for the agent's governor.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use stoker_types::runner::{LOAD_INTERVAL, Load};
use tokio::time::sleep_until;

use super::{Shared, cpu};

/// A load that differs by less, in thousandths of a core, is no news.
const SMALLEST_CHANGE: u128 = 20;
/// What is used in all is told so often at the least, while anything is.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

/// Tells of each change in what a process uses and could use.
#[derive(Debug)]
pub(crate) struct LoadWatch {
    shared: Arc<Shared>,
    journal: Journal,
}

impl LoadWatch {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let first = Reading {
            at: Instant::now(),
            used: cpu::of_process(),
            wanted: Duration::ZERO,
            throttled_windows: 0,
        };
        Self {
            shared,
            journal: Journal::new(first),
        }
    }

    /// The next report: when something has changed, and at most every [`LOAD_INTERVAL`]. Costs
    /// nothing while nothing runs.
    pub(crate) async fn changed(&mut self) -> Load {
        loop {
            if self.journal.was_idle {
                self.shared.dispatch.active().await;
                self.journal.resume(Instant::now(), cpu::of_process());
            }
            let next = self.journal.last.at + LOAD_INTERVAL;
            sleep_until(next.into()).await;
            let reading = Reading {
                at: Instant::now(),
                used: cpu::of_process(),
                wanted: self.shared.dispatch.wanted(),
                throttled_windows: self.shared.dispatch.throttled_windows(),
            };
            if let Some(load) = self.journal.add(reading) {
                return load;
            }
        }
    }
}

/// The counters at one time, from the beginning on.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    /// By all threads of the process.
    used: Duration,
    /// By the workers.
    wanted: Duration,
    throttled_windows: u64,
}

/// Decides which readings are worth a report.
#[derive(Debug)]
struct Journal {
    last: Reading,
    /// Whether nothing was wanted before the last reading.
    was_idle: bool,
    reported: Load,
    reported_at: Instant,
}

impl Journal {
    fn new(first: Reading) -> Self {
        Self {
            last: first,
            was_idle: true,
            reported: Load::default(),
            reported_at: first.at,
        }
    }

    /// Something is wanted again: what follows is measured from here.
    fn resume(&mut self, now: Instant, used: Duration) {
        self.last.at = now;
        self.last.used = used;
    }

    /// The report that a reading calls for.
    fn add(&mut self, reading: Reading) -> Option<Load> {
        let last = std::mem::replace(&mut self.last, reading);
        let used = reading.used.saturating_sub(last.used);
        let wanted = reading.wanted.saturating_sub(last.wanted);
        self.was_idle = wanted.is_zero();
        let load = Load {
            interval: reading.at.saturating_duration_since(last.at),
            used,
            // What else the process did, it wanted as well.
            wanted: if self.was_idle {
                Duration::ZERO
            } else {
                wanted.max(used)
            },
            used_in_all: reading.used,
            throttled_windows: reading.throttled_windows,
        };
        let silence = reading.at.saturating_duration_since(self.reported_at);
        let is_over = self.was_idle && !self.reported.wanted.is_zero();
        let is_due = silence >= LONGEST_SILENCE && !self.was_idle;
        if !is_over && !is_due && !is_news(&self.reported, &load) {
            return None;
        }
        self.reported = load;
        self.reported_at = reading.at;
        Some(load)
    }
}

/// Whether the parts of a core that two loads used, or wanted, are far enough apart.
fn is_news(before: &Load, now: &Load) -> bool {
    let part = |time: Duration, of: Duration| time.as_nanos() * 1000 / of.as_nanos().max(1);
    let differ = |one: Duration, other: Duration| {
        part(one, before.interval).abs_diff(part(other, now.interval)) >= SMALLEST_CHANGE
    };
    differ(before.wanted, now.wanted) || differ(before.used, now.used)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of a reading each 25 ms: what was used and wanted in them, in microseconds.
    fn reports(steps: &[(u64, u64)]) -> Vec<Option<(u64, u64)>> {
        let first = Reading {
            at: Instant::now(),
            used: Duration::from_secs(7),
            wanted: Duration::ZERO,
            throttled_windows: 0,
        };
        let mut journal = Journal::new(first);
        let mut reading = first;
        let report = |(used, wanted): &(u64, u64)| {
            reading.at += LOAD_INTERVAL;
            reading.used += Duration::from_micros(*used);
            reading.wanted += Duration::from_micros(*wanted);
            let load = journal.add(reading)?;
            assert_eq!(load.interval, LOAD_INTERVAL);
            assert_eq!(load.used_in_all, reading.used);
            let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap();
            Some((micros(load.used), micros(load.wanted)))
        };
        steps.iter().map(report).collect()
    }

    #[test]
    fn what_changes_is_told_and_what_does_not_is_not() {
        let told = reports(&[
            (25_000, 25_000),
            (24_900, 25_000),
            (10_000, 25_000),
            (10_100, 25_000),
            (20, 0),
            (20, 0),
        ]);
        let expected = [
            Some((25_000, 25_000)),
            None,
            Some((10_000, 25_000)),
            None,
            Some((20, 0)),
            None,
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn next_to_nothing_is_not_told() {
        assert_eq!(reports(&[(100, 60), (100, 0), (400, 400)]), [None; 3]);
    }

    #[test]
    fn what_is_used_is_told_once_a_second() {
        let told = reports(&[(25_000, 25_000); 121]);
        assert_eq!(told.iter().flatten().count(), 4);
    }
}
