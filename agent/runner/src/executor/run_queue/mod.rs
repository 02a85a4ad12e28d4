//! Decides which fiber runs next, for how long, and what it must wait for: the policy of the
//! scheduler, and nothing else of it.
//!
//! It is pure: no thread, no lock, no clock; what a fiber is, it does not know. The same calls give
//! the same turns.
//!
//! ```text
//! push ──▶ task: does it owe fuel or CPU time? ── yes ──▶ asleep until that is paid (release)
//!                 │ no
//!                 ▼
//!          listed in its tenant's level, and the tenant in the root, by virtual time
//!                 ▼
//! pop  ──▶ of the tenant that got the least, the task that got the least; a turn of some fuel
//!                 ▼
//! finish ─▶ charges both with the CPU time of the turn ÷ their weights
//! ```
//!
//! - **Weight**: a task weighs its `cpus`, a tenant those of all its tasks, whether they run or
//!   not: what sleeps leaves its share to its own tenant first.
//! - **Width**: a task never has more than ⌈cpus⌉ workers, however many fibers it has.
//! - **A waking task** keeps what it got less than the others only up to [`CREDIT`], and everything
//!   that it got more. A newcomer has neither.
//! - **Idle workers** are lent: using them costs nothing later, because no one else is behind.
//! - **Ceilings** ([`Throttle`]) hold whatever is idle: fuel a second, and CPU time if strict.
//!
//! [`CREDIT`]: level::CREDIT

mod bucket;
mod demand;
mod lane;
mod level;
mod slots;
mod throttle;
mod virtual_time;

#[cfg(test)]
mod tests;

pub(super) use slots::TaskId;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use self::{
    demand::Demand,
    lane::Lane,
    level::{Level, Standing},
    slots::Slots,
    throttle::{TICK, Throttle},
    virtual_time::Weight,
};
use super::Share;
use crate::metering::{LEAST_SLICE_FUEL, SLICE_FUEL};

/// Up to so many runnable fibers for each worker, a slice is a whole one; with more, all get
/// shorter, so that each has its turn about as soon.
const UNHURRIED_FIBERS: usize = 100;

/// The fibers that can run and do not, and those that run.
#[derive(Debug)]
pub(super) struct RunQueue<F> {
    tasks: Slots<Task<F>>,
    tenants: Vec<Tenant>,
    /// The tenants.
    root: Level,
    /// Tasks that owe something, by when it is paid.
    asleep: BTreeSet<(Instant, TaskId)>,
    demand: Demand,
    workers: usize,
    began: Instant,
    next_ticket: u64,
}

#[derive(Debug)]
struct Task<F> {
    tenant: usize,
    standing: Standing,
    /// The most workers that it may have.
    width: usize,
    throttle: Throttle,
    ready: Lane<F>,
    /// How many of its fibers run.
    running: usize,
    asleep_until: Option<Instant>,
    /// No debt keeps it from running then: its own time is over.
    wake_by: Option<Instant>,
    /// What it counts for in the demand.
    wants: usize,
}

#[derive(Debug)]
struct Tenant {
    standing: Standing,
    /// Its tasks.
    level: Level,
    /// The thousandths of a core of all its tasks.
    weight: u64,
}

/// A fiber whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn<F> {
    /// Its task.
    pub(super) task: TaskId,
    /// The fiber.
    pub(super) fiber: F,
    /// The fuel that its turn may take.
    pub(super) fuel: u64,
}

/// What a turn took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    /// CPU time.
    pub(super) cpu: Duration,
    /// Fuel.
    pub(super) fuel: u64,
    /// When the task's time is over, if it is bounded: no debt may hold it past that.
    pub(super) wake_by: Option<Instant>,
}

impl<F> RunQueue<F> {
    /// An empty queue for so many workers.
    pub(super) fn new(workers: usize, now: Instant) -> Self {
        Self {
            tasks: Slots::default(),
            tenants: Vec::new(),
            root: Level::default(),
            asleep: BTreeSet::new(),
            demand: Demand::new(workers, now),
            workers,
            began: now,
            next_ticket: 0,
        }
    }

    /// A new task, none of whose fibers can run yet.
    pub(super) fn admit(&mut self, share: &Share, now: Instant) -> TaskId {
        let tenant = share.tenant.0 as usize;
        while self.tenants.len() <= tenant {
            self.tenants.push(Tenant {
                standing: Standing::new(&self.root, Weight::of_sum(0)),
                level: Level::default(),
                weight: 0,
            });
        }
        let weight = Weight::of(share.cpus);
        self.reweigh(tenant, |tenant| tenant + weight.thousandths());
        let width = share.cpus.thousandths().div_ceil(1000).max(1);
        self.tasks.insert(Task {
            tenant,
            standing: Standing::new(&self.tenants[tenant].level, weight),
            width: usize::try_from(width).unwrap_or(usize::MAX),
            throttle: Throttle::new(share, now),
            ready: Lane::default(),
            running: 0,
            asleep_until: None,
            wake_by: None,
            wants: 0,
        })
    }

    /// A fiber of a task can run; `cpu` time was spent on its behalf elsewhere while it waited.
    pub(super) fn push(&mut self, id: TaskId, fiber: F, cpu: Duration, now: Instant) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.ready.push(fiber);
        if !cpu.is_zero() {
            self.charge(id, cpu, 0, now);
        }
        self.place(id, now);
    }

    /// The fiber to run now, until [`Self::finish`].
    pub(super) fn pop(&mut self, now: Instant) -> Option<Turn<F>> {
        let quantum = self.quantum();
        let tenant = self.root.first()?;
        let slot = self.tenants[tenant as usize].level.first()?;
        let (id, task) = self.tasks.in_slot(slot)?;
        let fiber = task.ready.pop()?;
        task.running += 1;
        let fuel = task.throttle.slice(quantum);
        self.place(id, now);
        Some(Turn {
            task: id,
            fiber,
            fuel,
        })
    }

    /// A turn is over; `again` if its fiber can go on.
    pub(super) fn finish(&mut self, id: TaskId, spent: Spent, again: Option<F>, now: Instant) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.running -= 1;
        task.wake_by = spent.wake_by;
        if let Some(fiber) = again {
            task.ready.push(fiber);
        }
        self.charge(id, spent.cpu, spent.fuel, now);
        self.place(id, now);
    }

    /// Takes a fiber out that can run and has not had its turn, if its task has one.
    pub(super) fn take(&mut self, id: TaskId, now: Instant) -> Option<F> {
        let fiber = self.tasks.get_mut(id)?.ready.pop();
        self.place(id, now);
        fiber
    }

    /// Forgets a task. What its running fibers spend is no one's any more.
    pub(super) fn retire(&mut self, id: TaskId, now: Instant) {
        while self.take(id, now).is_some() {}
        let Some(mut task) = self.tasks.remove(id) else {
            return;
        };
        let tenant = &mut self.tenants[task.tenant];
        let level = &mut tenant.level;
        level.place(&mut task.standing, id.slot(), false, None);
        self.demand.change(task.wants, 0, now);
        self.place_tenant(task.tenant);
        let weight = task.standing.weight().thousandths();
        self.reweigh(task.tenant, |tenant| tenant - weight);
    }

    /// Lets those go on that owed something until now.
    pub(super) fn release(&mut self, now: Instant) {
        while let Some((_, id)) = self.asleep.first().filter(|(until, _)| *until <= now) {
            let id = *id;
            self.asleep.pop_first();
            if let Some(task) = self.tasks.get_mut(id) {
                task.asleep_until = None;
            }
            self.place(id, now);
        }
    }

    /// When [`Self::release`] has something to do next.
    pub(super) fn next_release(&self) -> Option<Instant> {
        self.asleep.first().map(|(until, _)| *until)
    }

    /// Whether a fiber could have its turn now.
    pub(super) fn has_turn(&self) -> bool {
        !self.root.is_empty()
    }

    /// Whether no fiber runs or could.
    pub(super) fn is_idle(&self) -> bool {
        self.demand.runnable() == 0
    }

    /// The CPU time that the workers could have used since the beginning.
    pub(super) fn wanted(&self, now: Instant) -> Duration {
        self.demand.wanted(now)
    }

    /// Takes all fibers that have not had their turn.
    pub(super) fn drain(&mut self) -> Vec<F> {
        let mut fibers = Vec::new();
        for task in self.tasks.values_mut() {
            fibers.extend(std::iter::from_fn(|| task.ready.pop()));
        }
        fibers
    }

    /// The fuel of a slice for a task without a ceiling.
    fn quantum(&self) -> u64 {
        let unhurried = UNHURRIED_FIBERS * self.workers;
        let runnable = self.demand.runnable().max(unhurried).max(1);
        let slice = SLICE_FUEL.saturating_mul(unhurried as u64) / runnable as u64;
        slice.max(LEAST_SLICE_FUEL)
    }

    fn charge(&mut self, id: TaskId, cpu: Duration, fuel: u64, now: Instant) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let tenant = &mut self.tenants[task.tenant];
        tenant.level.charge(&mut task.standing, cpu);
        self.root.charge(&mut tenant.standing, cpu);
        task.throttle.charge(cpu, fuel, now);
    }

    /// Puts a task where it belongs after something about it has changed.
    fn place(&mut self, id: TaskId, now: Instant) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let has_fiber = !task.ready.is_empty();
        match task.asleep_until {
            Some(until) if !has_fiber => {
                self.asleep.remove(&(until, id));
                task.asleep_until = None;
            }
            None if has_fiber => {
                task.asleep_until = task.sleep(self.began, now);
                self.asleep
                    .extend(task.asleep_until.map(|until| (until, id)));
            }
            Some(_) | None => {}
        }
        let is_awake = has_fiber && task.asleep_until.is_none();
        let is_ready = is_awake && task.running < task.width;
        let ticket = is_ready.then_some(self.next_ticket);
        self.next_ticket += 1;
        let wants = if is_awake {
            task.width.min(task.running + task.ready.len())
        } else {
            task.running
        };
        self.demand.change(task.wants, wants, now);
        task.wants = wants;
        let level = &mut self.tenants[task.tenant].level;
        level.place(&mut task.standing, id.slot(), wants > 0, ticket);
        let tenant = task.tenant;
        self.place_tenant(tenant);
    }

    /// A tenant can be picked if one of its tasks can.
    fn place_tenant(&mut self, index: usize) {
        let Tenant {
            standing, level, ..
        } = &mut self.tenants[index];
        let ticket = (!level.is_empty()).then_some(self.next_ticket);
        self.next_ticket += 1;
        let member = u32::try_from(index).unwrap_or(u32::MAX);
        self.root
            .place(standing, member, level.has_competitors(), ticket);
    }

    fn reweigh(&mut self, index: usize, change: impl FnOnce(u64) -> u64) {
        let tenant = &mut self.tenants[index];
        tenant.weight = change(tenant.weight);
        self.root
            .reweigh(&mut tenant.standing, Weight::of_sum(tenant.weight));
    }
}

impl<F> Task<F> {
    /// Until when it must sleep, if it owes something: in whole ticks, so that many wake together
    /// and none for a crumb.
    fn sleep(&mut self, began: Instant, now: Instant) -> Option<Instant> {
        let debt = self.throttle.debt(now);
        if debt.is_zero() || self.wake_by.is_some_and(|at| at <= now) {
            return None;
        }
        let until = now.checked_add(debt);
        let until = match (until, self.wake_by) {
            (Some(until), Some(at)) => until.min(at),
            (Some(at), None) | (None, Some(at)) => at,
            // More than the clock can tell: it sleeps as long as that goes.
            (None, None) => now + FOREVER,
        };
        Some(round_up(until, began))
    }
}

/// Longer than any runner lives.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The first tick at or after `at`.
fn round_up(at: Instant, began: Instant) -> Instant {
    let since = at.saturating_duration_since(began).as_nanos();
    let rest = since % TICK.as_nanos();
    if rest == 0 {
        return at;
    }
    let missing = TICK.as_nanos() - rest;
    at + Duration::from_nanos(u64::try_from(missing).unwrap_or(0))
}
