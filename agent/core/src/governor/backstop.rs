//! Whether a runner keeps to its budget, as the kernel counts, and what becomes of one that does
//! not: it is paced by signals once, and ended when it does so again.

use std::time::Duration;

use stoker_types::{Timestamp, runner::BUDGET_WINDOW};

use super::{rate, worth};

/// How often a runner with a budget is looked at.
pub(super) const LOOK_EVERY: Duration = BUDGET_WINDOW.saturating_mul(5);
/// So often in a row it may be found over its budget: for 10 windows.
const OVERRUNS: u32 = 2;
/// How long one is paced that was.
const PACED_FOR: Duration = BUDGET_WINDOW.saturating_mul(10);
/// How long after that it is ended if it is found over its budget again.
const SUSPECTED_FOR: Duration = Duration::from_secs(10);
/// The kernel counts in ticks of 10 ms, and the last turns of several workers may all be late.
const SLACK_NANOS: u64 = 40_000_000;

/// What is held against one runner.
#[derive(Debug, Default)]
pub(super) struct Backstop {
    last: Option<Look>,
    /// The highest budget since the last look, in nanoseconds a window; absent if there was a time
    /// without one. An order to use less takes its time to arrive.
    highest: Option<u64>,
    /// How often in a row it was over its budget.
    overruns: u32,
    conduct: Conduct,
}

/// The kernel's figures at one time.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Timestamp,
    cpu: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Conduct {
    #[default]
    Trusted,
    Paced {
        until: Timestamp,
    },
    /// It was paced. The long run counts as well: a single operation of a guest cannot be divided,
    /// and one that takes long is made up for by whoever keeps to its budget.
    Suspected {
        until: Timestamp,
        used: u64,
        allowed: u64,
    },
    /// It is being ended.
    Condemned,
}

/// What a look has shown, in nanoseconds a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What it used since the look before.
    pub(super) used: u64,
    /// What is to be done.
    pub(super) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Goes,
    /// Let it run so long in each window, by signals.
    Pace { run: Duration, budget: u64 },
    /// Let it run again.
    Release,
    /// End it.
    Kill { budget: u64 },
}

impl Backstop {
    /// A budget is in force from now on.
    pub(super) fn budget(&mut self, budget: Option<u64>) {
        self.highest = match (self.highest, budget) {
            (Some(highest), Some(budget)) => Some(highest.max(budget)),
            (None, _) | (_, None) => None,
        };
    }

    /// Whether it has to be looked at as often as if it had a budget.
    pub(super) fn is_concerned(&self) -> bool {
        self.conduct != Conduct::Trusted
    }

    /// The kernel says that it has used `cpu` in all; `budget` is in force. Nothing is found by the
    /// first look.
    pub(super) fn look(
        &mut self,
        now: Timestamp,
        cpu: Duration,
        budget: Option<u64>,
    ) -> Option<Finding> {
        let highest = std::mem::replace(&mut self.highest, budget);
        let last = self.last.replace(Look { at: now, cpu })?;
        let elapsed = now.since(last.at);
        let used_time = cpu.saturating_sub(last.cpu);
        let used = u64::try_from(used_time.as_nanos()).unwrap_or(u64::MAX);
        let allowed = highest.map(|highest| worth(highest, elapsed));
        let is_over = allowed.is_some_and(|allowed| is_over(used, allowed));
        self.overruns = if is_over { self.overruns + 1 } else { 0 };
        let used_rate = rate(used_time, elapsed);
        let verdict = self.judge(now, (used, used_rate), allowed, highest.unwrap_or(u64::MAX));
        Some(Finding {
            used: used_rate,
            verdict,
        })
    }

    fn judge(
        &mut self,
        now: Timestamp,
        (used, used_rate): (u64, u64),
        allowed: Option<u64>,
        budget: u64,
    ) -> Verdict {
        match &mut self.conduct {
            Conduct::Trusted if self.overruns >= OVERRUNS => {
                let until = now.after(PACED_FOR);
                self.conduct = Conduct::Paced { until };
                // What it used in a whole window, it may use in this part of one.
                let window = BUDGET_WINDOW.as_nanos();
                let run = window * u128::from(budget) / u128::from(used_rate.max(1));
                let run = Duration::from_nanos(u64::try_from(run).unwrap_or(u64::MAX));
                Verdict::Pace { run, budget }
            }
            Conduct::Trusted => Verdict::Goes,
            Conduct::Paced { until } if now >= *until => {
                self.overruns = 0;
                self.conduct = Conduct::Suspected {
                    until: now.after(SUSPECTED_FOR),
                    used: 0,
                    allowed: 0,
                };
                Verdict::Release
            }
            Conduct::Paced { .. } | Conduct::Condemned => Verdict::Goes,
            Conduct::Suspected {
                until,
                used: used_since,
                allowed: allowed_since,
            } => {
                if let Some(allowed) = allowed {
                    *used_since = used_since.saturating_add(used);
                    *allowed_since = allowed_since.saturating_add(allowed);
                }
                if self.overruns >= OVERRUNS && is_over(*used_since, *allowed_since) {
                    self.conduct = Conduct::Condemned;
                    return Verdict::Kill { budget };
                }
                if now >= *until {
                    self.conduct = Conduct::Trusted;
                }
                Verdict::Goes
            }
        }
    }
}

/// Whether so much is over 1.25 times what was allowed.
fn is_over(used: u64, allowed: u64) -> bool {
    let most = u128::from(allowed) * 5 / 4 + u128::from(SLACK_NANOS);
    u128::from(used) > most
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 50_000_000;

    /// Looks each 5 windows at a runner that uses so many thousandths of a core in each.
    struct Watched {
        backstop: Backstop,
        now: Timestamp,
        cpu: Duration,
    }

    impl Watched {
        /// One that has had this budget for long, in thousandths of a core.
        fn with(budget: Option<u64>) -> Self {
            let mut backstop = Backstop::default();
            let now = Timestamp::from_micros(1_000_000);
            let looked = backstop.look(now, Duration::ZERO, budget.map(thousandths));
            assert_eq!(looked, None);
            Self {
                backstop,
                now,
                cpu: Duration::ZERO,
            }
        }

        fn uses(&mut self, part: u32, budget: Option<u64>) -> Verdict {
            self.now = self.now.after(LOOK_EVERY);
            self.cpu += LOOK_EVERY * part / 1000;
            let budget = budget.map(thousandths);
            let finding = self.backstop.look(self.now, self.cpu, budget).unwrap();
            assert_eq!(finding.used, thousandths(u64::from(part)));
            finding.verdict
        }
    }

    fn thousandths(part: u64) -> u64 {
        WINDOW / 1000 * part
    }

    const HALF: Option<u64> = Some(500);

    #[test]
    fn whoever_keeps_to_its_budget_is_left_in_peace() {
        let mut runner = Watched::with(HALF);
        for _ in 0..1000 {
            // A quarter more, and the slack of 40 in 250 ms.
            assert_eq!(runner.uses(500 * 5 / 4 + 160, HALF), Verdict::Goes);
        }
        let mut free = Watched::with(None);
        for _ in 0..10 {
            assert_eq!(free.uses(16_000, None), Verdict::Goes);
        }
    }

    #[test]
    fn whoever_is_over_it_for_ten_windows_is_paced_and_then_ended() {
        let mut runner = Watched::with(HALF);
        assert_eq!(runner.uses(2000, HALF), Verdict::Goes);
        let pace = Verdict::Pace {
            run: BUDGET_WINDOW / 4,
            budget: thousandths(500),
        };
        assert_eq!(runner.uses(2000, HALF), pace);
        assert!(runner.backstop.is_concerned());
        assert_eq!(runner.uses(500, HALF), Verdict::Goes);
        assert_eq!(runner.uses(500, HALF), Verdict::Release);
        assert_eq!(runner.uses(2000, HALF), Verdict::Goes);
        let budget = thousandths(500);
        assert_eq!(runner.uses(2000, HALF), Verdict::Kill { budget });
        assert_eq!(runner.uses(2000, HALF), Verdict::Goes, "once is enough");
    }

    #[test]
    fn whoever_mends_its_ways_is_trusted_again() {
        let mut runner = Watched::with(HALF);
        for _ in 0..4 {
            runner.uses(2000, HALF);
        }
        for _ in 0..SUSPECTED_FOR.as_millis() / LOOK_EVERY.as_millis() {
            assert!(runner.backstop.is_concerned());
            assert_eq!(runner.uses(500, HALF), Verdict::Goes);
        }
        assert!(!runner.backstop.is_concerned());
        assert_eq!(runner.uses(2000, HALF), Verdict::Goes);
        assert!(matches!(runner.uses(2000, HALF), Verdict::Pace { .. }));
    }

    #[test]
    fn one_overrun_is_forgiven() {
        let mut runner = Watched::with(HALF);
        for _ in 0..10 {
            assert_eq!(runner.uses(1000, HALF), Verdict::Goes);
            assert_eq!(runner.uses(0, HALF), Verdict::Goes);
        }
    }

    #[test]
    fn long_operations_that_are_made_up_for_end_nobody() {
        let mut runner = Watched::with(HALF);
        for _ in 0..4 {
            runner.uses(2000, HALF);
        }
        for _ in 0..6 {
            // Three looks of a whole core, and three of paying for it.
            for part in [0, 0, 0, 1000, 1000, 1000] {
                assert_eq!(runner.uses(part, HALF), Verdict::Goes);
            }
        }
    }

    #[test]
    fn a_budget_that_was_lowered_counts_from_the_next_look_on() {
        let mut runner = Watched::with(None);
        runner.backstop.budget(Some(thousandths(100)));
        assert_eq!(runner.uses(2000, Some(100)), Verdict::Goes);
        assert_eq!(runner.uses(2000, Some(100)), Verdict::Goes);
        assert!(matches!(runner.uses(2000, Some(100)), Verdict::Pace { .. }));
        // A higher one in between allows the whole time.
        let mut runner = Watched::with(Some(100));
        for _ in 0..10 {
            runner.backstop.budget(Some(thousandths(2000)));
            runner.backstop.budget(Some(thousandths(100)));
            assert_eq!(runner.uses(2000, Some(100)), Verdict::Goes);
        }
    }
}
