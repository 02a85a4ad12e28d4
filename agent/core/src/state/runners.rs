//! The tables of runners and of tenants: at most one runner takes a tenant's tasks.

use std::collections::{BTreeMap, VecDeque};

use stoker_types::{RunnerId, TaskKey, runner::Tenant};

use super::Runner;

/// What a tenant has on this agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct TenantEntry {
    /// The runner that takes its tasks, or will.
    pub(crate) runner_id: Option<RunnerId>,
    /// How many of its tasks are not over.
    pub(crate) live: usize,
    /// The tasks that wait for its runner, in order; some may be over meanwhile.
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
        self.runners.remove(&id)
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

    /// Whether this runner takes its tenant's tasks.
    pub(crate) fn is_current(&self, runner: &Runner) -> bool {
        self.tenants
            .get(&runner.tenant)
            .is_some_and(|entry| entry.runner_id == Some(runner.id))
    }

    /// Forgets a tenant that has neither a task nor a runner.
    pub(crate) fn prune(&mut self, tenant: &Tenant) {
        let is_over = |entry: &TenantEntry| entry.live == 0 && entry.runner_id.is_none();
        if self.tenants.get(tenant).is_some_and(is_over) {
            self.tenants.remove(tenant);
        }
    }
}
