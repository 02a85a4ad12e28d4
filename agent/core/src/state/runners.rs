//! The tables of runners and of tenants: a tenant has as many runners as its tasks fill.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stoker_types::{Milli, RunnerId, TaskKey, runner::Tenant};

use super::{Runner, RunnerState};

/// What a tenant has on this agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct TenantEntry {
    /// The runners that take its tasks, or will.
    pub(crate) runners: BTreeSet<RunnerId>,
    /// How many of its tasks are not over.
    pub(crate) live: usize,
    /// The tasks that wait for a runner, in order; some may be over meanwhile.
    pub(crate) waiting: VecDeque<TaskKey>,
    /// How many runners in a row ended before they had a task.
    pub(crate) failures: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Runners {
    runners: BTreeMap<RunnerId, Runner>,
    tenants: BTreeMap<Tenant, TenantEntry>,
    /// How many tasks of all tenants are not over.
    live_tasks: usize,
    /// The runners whose cpus have changed, and nobody was told.
    untold: BTreeSet<RunnerId>,
}

impl Runners {
    pub(crate) fn get(&self, id: RunnerId) -> Option<&Runner> {
        self.runners.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: RunnerId) -> Option<&mut Runner> {
        self.runners.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, runner: Runner) {
        self.runners.insert(runner.id, runner);
    }

    pub(crate) fn remove(&mut self, id: RunnerId) -> Option<Runner> {
        self.untold.remove(&id);
        self.runners.remove(&id)
    }

    /// A task is with this runner from now on.
    pub(crate) fn hold(&mut self, id: RunnerId, key: TaskKey, cpus: Milli) {
        let Some(runner) = self.runners.get_mut(&id) else {
            return;
        };
        if runner.tasks.insert(key) && !cpus.is_zero() {
            runner.cpus = runner.cpus.saturating_add(cpus);
            self.untold.insert(id);
        }
    }

    /// A task is with this runner no more.
    pub(crate) fn release(&mut self, id: RunnerId, key: &TaskKey, cpus: Milli) {
        let Some(runner) = self.runners.get_mut(&id) else {
            return;
        };
        if runner.tasks.remove(key) && !cpus.is_zero() {
            runner.cpus = runner.cpus.checked_sub(cpus).unwrap_or_default();
            self.untold.insert(id);
        }
    }

    /// No task is with this runner any more; those that were.
    pub(crate) fn release_all(&mut self, id: RunnerId) -> BTreeSet<TaskKey> {
        let Some(runner) = self.runners.get_mut(&id) else {
            return BTreeSet::new();
        };
        runner.cpus = Milli::ZERO;
        self.untold.insert(id);
        std::mem::take(&mut runner.tasks)
    }

    /// The runners whose cpus are others than at the last call, and how many they are now.
    pub(crate) fn take_untold(&mut self) -> impl Iterator<Item = (RunnerId, Milli)> {
        let runners = &mut self.runners;
        let untold = std::mem::take(&mut self.untold);
        untold.into_iter().filter_map(|id| {
            let runner = runners.get_mut(&id)?;
            let before = std::mem::replace(&mut runner.told_cpus, runner.cpus);
            (before != runner.cpus).then_some((id, runner.cpus))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Runner> {
        self.runners.values()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runners.is_empty()
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&Tenant, &TenantEntry)> {
        self.tenants.iter()
    }

    pub(crate) fn tenant(&self, tenant: &Tenant) -> Option<&TenantEntry> {
        self.tenants.get(tenant)
    }

    /// A tenant's entry, made if there is none.
    pub(crate) fn tenant_mut(&mut self, tenant: &Tenant) -> &mut TenantEntry {
        self.tenants.entry(tenant.clone()).or_default()
    }

    /// How many tasks of all tenants are not over.
    pub(crate) const fn live_tasks(&self) -> usize {
        self.live_tasks
    }

    /// A task of this tenant begins to live.
    pub(crate) fn count_in(&mut self, tenant: &Tenant) {
        self.tenant_mut(tenant).live += 1;
        self.live_tasks += 1;
    }

    /// A task of this tenant is over.
    pub(crate) fn count_out(&mut self, tenant: &Tenant) {
        self.tenant_mut(tenant).live -= 1;
        self.live_tasks -= 1;
    }

    /// The runners that take this tenant's tasks, or will.
    pub(crate) fn of_tenant(&self, tenant: &Tenant) -> impl Iterator<Item = &Runner> {
        let ids = self.tenants.get(tenant).map(|entry| &entry.runners);
        ids.into_iter().flatten().filter_map(|id| self.get(*id))
    }

    /// The runner for this tenant's next task: the fullest one with room for another, so that the
    /// others become idle.
    pub(crate) fn with_room(&self, tenant: &Tenant, tasks_per_runner: usize) -> Option<RunnerId> {
        self.of_tenant(tenant)
            .filter(|runner| matches!(runner.state, RunnerState::Ready { .. }))
            .filter(|runner| runner.tasks.len() < tasks_per_runner.min(runner.slots))
            .max_by_key(|runner| runner.tasks.len())
            .map(|runner| runner.id)
    }

    /// How many tasks the runners that this tenant waits for will take.
    pub(crate) fn room_to_come(&self, tenant: &Tenant, tasks_per_runner: usize) -> usize {
        self.of_tenant(tenant)
            .filter(|runner| !matches!(runner.state, RunnerState::Ready { .. }))
            .map(|runner| tasks_per_runner.saturating_sub(runner.tasks.len()))
            .sum()
    }

    /// Forgets a tenant that has neither a task nor a runner.
    pub(crate) fn prune(&mut self, tenant: &Tenant) {
        let is_over = |entry: &TenantEntry| entry.live == 0 && entry.runners.is_empty();
        if self.tenants.get(tenant).is_some_and(is_over) {
            self.tenants.remove(tenant);
        }
    }
}
