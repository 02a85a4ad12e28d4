//! One runner, as the governor sees it.

use std::time::Duration;

use stoker_types::{
    Milli,
    runner::{BUDGET_WINDOW, Budget, Load},
};

use super::{backstop::Backstop, pace::Pace, rate, shares::Claim};

/// A runner that has tasks, or a process, or both.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// Of its tasks.
    pub(super) cpus: Milli,
    /// Once it has answered.
    pub(super) process: Option<Process>,
}

/// The process of a runner.
#[derive(Debug)]
pub(super) struct Process {
    demand: Demand,
    /// What it was told last, if it was told anything since this daemon knows it.
    pub(super) told: Option<Told>,
    pub(super) backstop: Backstop,
    /// While it is paced.
    pub(super) pace: Option<Pace>,
    /// As it tells; absent until one that was found again has told for the first time: what it
    /// counted before is not of this daemon's time.
    throttled_windows: Option<u64>,
}

/// A budget in nanoseconds a window; none where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) cpu: Option<u64>,
    pub(super) alone: Option<u64>,
    /// Nanoseconds into a window, where its own begin.
    pub(super) offset: u64,
}

impl Told {
    /// The order that says so.
    pub(super) fn order(self) -> Budget {
        Budget {
            cpu: self.cpu.map(Duration::from_nanos),
            alone: self.alone.map(Duration::from_nanos),
            offset: Duration::from_nanos(self.offset),
        }
    }
}

/// What a runner could use, in nanoseconds a window.
#[derive(Debug, Default)]
struct Demand {
    /// As it tells; absent until it has.
    told: Option<u64>,
    /// The most that it told since the last look.
    most_told: u64,
    /// What the kernel saw it use, if it tells much less.
    seen: u64,
}

impl Process {
    /// A runner that was just started wants nothing and has no budget; of one that was found again
    /// nobody knows either.
    pub(super) fn new(is_new: bool) -> Self {
        Self {
            demand: Demand {
                told: is_new.then_some(0),
                ..Demand::default()
            },
            told: is_new.then(Told::default),
            backstop: Backstop::default(),
            pace: None,
            throttled_windows: is_new.then_some(0),
        }
    }

    /// It tells how busy it is. Whether that changes what it could use.
    pub(super) fn load(&mut self, load: &Load) -> bool {
        let demand = rate(load.wanted, load.interval);
        self.demand.most_told = self.demand.most_told.max(demand);
        self.demand.told.replace(demand) != Some(demand)
    }

    /// The windows in which it had to pause, as it tells, that were not counted yet.
    pub(super) fn count_throttled(&mut self, load: &Load) -> u64 {
        let before = self.throttled_windows.replace(load.throttled_windows);
        before.map_or(0, |before| load.throttled_windows.saturating_sub(before))
    }

    /// The kernel says that it used this much. Whether that changes what it could use.
    pub(super) fn seen(&mut self, used: u64) -> bool {
        let demand = &mut self.demand;
        let was_silent = demand.told.is_none();
        let now = demand.told.unwrap_or(0);
        let told = std::mem::replace(&mut demand.most_told, now).max(now);
        let tenth_of_a_core = u64::try_from(BUDGET_WINDOW.as_nanos() / 10).unwrap_or(u64::MAX);
        let is_believed = used
            <= told
                .saturating_add(told / 4)
                .saturating_add(tenth_of_a_core);
        let seen = if is_believed && !was_silent { 0 } else { used };
        demand.told.get_or_insert(0);
        was_silent || std::mem::replace(&mut demand.seen, seen) != seen
    }

    /// The budget that is in force as far as it was told.
    pub(super) fn budget(&self) -> Option<u64> {
        self.told.and_then(|told| told.cpu)
    }

    /// Whether it is held to something.
    pub(super) fn is_bounded(&self) -> bool {
        self.budget().is_some() || self.backstop.is_concerned()
    }
}

impl Member {
    /// What it counts for on a machine of this capacity: nothing without tasks, unless it uses CPU
    /// time even so.
    pub(super) fn claim(&self, capacity: u64) -> Claim {
        let Some(process) = &self.process else {
            return Claim {
                weight: 0,
                demand: 0,
            };
        };
        // Who has not told yet may want all.
        let told = process.demand.told.unwrap_or(capacity);
        let demand = told.max(process.demand.seen).min(capacity);
        let least = u64::from(demand > 0);
        Claim {
            weight: self.cpus.thousandths().max(least),
            demand,
        }
    }
}
