//! The allocator: whose turn it is to be offered what is free.
//!
//! ```text
//!   facts:  set_agent, charge, release, want, refuse ──▶ ledgers ──▶ allocate() ──▶ [Allocation]
//! ```
//!
//! Dominant resource fairness (Ghodsi and others, NSDI 2011) on two levels: the role with the
//! smallest dominant share is next, and in it the framework with the smallest. Of equal ones the
//! one served longest ago is next, so that nobody can turn offers down so fast that another never
//! sees them. Shares move with every allocation, so several agents that are free at once go round
//! all who want them.
//!
//! Owns the ledgers of fairness: what each agent sells and what of it is held, what each role and
//! framework holds, who wants offers, who declined what. Never sends, never reads a clock, never
//! sees a stream. A run looks at the agents with more to offer than before, and at all free ones
//! only when somebody wants more than before: it costs what changed.

mod filters;
mod ledger;
mod order;
mod share;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{AgentId, FrameworkId, Resources, Role};

pub(crate) use filters::FilterKey;
use filters::Filters;
use ledger::Ledger;
use order::{Order, Rank};
pub(crate) use share::Amounts;

/// The weight of every role, until operators can set it.
const WEIGHT: u64 = 1;

/// One framework in one role: to whom resources are charged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tenant {
    pub(crate) framework_id: FrameworkId,
    pub(crate) role: Role,
}

/// All that is free of one agent, for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allocation {
    pub(crate) tenant: Tenant,
    pub(crate) agent_id: AgentId,
    pub(crate) resources: Resources,
}

#[derive(Clone, Debug, Default)]
struct Charge {
    amounts: Amounts,
    served: u64,
}

impl Charge {
    fn is_idle(&self) -> bool {
        self.amounts.is_empty()
    }

    fn rank(&self, total: &Amounts, weight: u64) -> Rank {
        Rank {
            share: self.amounts.dominant_share(total, weight),
            served: self.served,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct RoleLedger {
    charge: Charge,
    frameworks: BTreeMap<FrameworkId, Charge>,
    /// The frameworks that want offers in this role.
    hungry: Order<FrameworkId>,
}

#[derive(Clone, Debug, Default)]
struct Demand {
    roles: BTreeSet<Role>,
    offers: usize,
}

/// Who may have what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allocator {
    offers_per_framework: usize,
    supply: Ledger,
    roles: BTreeMap<Role, RoleLedger>,
    /// The roles in which somebody wants offers.
    hungry: Order<Role>,
    demands: BTreeMap<FrameworkId, Demand>,
    filters: Filters,
    /// Whether somebody wants more than at the last run.
    wants_more: bool,
    /// Whether the cluster's size changed, and every share with it.
    ranks_are_stale: bool,
    served: u64,
}

impl Allocator {
    /// An allocator without agents; no framework holds more than `offers_per_framework` offers.
    pub(crate) fn new(offers_per_framework: usize) -> Self {
        Self {
            offers_per_framework,
            ..Self::default()
        }
    }

    // ---- Agents. ----

    /// An agent sells `total`; what is free of it is allocated while it is `offerable`.
    pub(crate) fn set_agent(&mut self, agent_id: AgentId, total: &Resources, offerable: bool) {
        self.ranks_are_stale |= self.supply.set(agent_id, total, offerable);
    }

    /// Whether what is free of an agent is allocated.
    pub(crate) fn set_offerable(&mut self, agent_id: AgentId, offerable: bool) {
        self.supply.set_offerable(agent_id, offerable);
    }

    /// An agent is not part of the cluster any more; nothing of it is held. The filters for it,
    /// which are gone with it.
    pub(crate) fn remove_agent(&mut self, agent_id: AgentId) -> Vec<FilterKey> {
        self.ranks_are_stale |= self.supply.remove(agent_id);
        self.filters.take_of_agent(agent_id)
    }

    /// A tenant holds `resources` of an agent: a task uses them.
    pub(crate) fn charge(&mut self, tenant: &Tenant, agent_id: AgentId, resources: &Resources) {
        self.supply.hold(agent_id, resources);
        self.move_charge(tenant, |amounts| amounts.add(resources));
    }

    /// A tenant holds `resources` of an agent no longer.
    pub(crate) fn release(&mut self, tenant: &Tenant, agent_id: AgentId, resources: &Resources) {
        self.supply.free(agent_id, resources);
        self.move_charge(tenant, |amounts| amounts.subtract(resources));
    }

    /// An offer is over, whatever became of it.
    pub(crate) fn end_offer(&mut self, allocation: &Allocation) {
        let Allocation {
            tenant,
            agent_id,
            resources,
        } = allocation;
        self.release(tenant, *agent_id, resources);
        if let Some(demand) = self.demands.get_mut(&tenant.framework_id) {
            self.wants_more |= demand.offers >= self.offers_per_framework;
            demand.offers = demand.offers.saturating_sub(1);
        }
    }

    // ---- Frameworks. ----

    /// A framework wants offers in these roles and no others.
    pub(crate) fn want(&mut self, framework_id: FrameworkId, roles: &BTreeSet<Role>) {
        let demand = self.demands.entry(framework_id).or_default();
        let previous = std::mem::replace(&mut demand.roles, roles.clone());
        self.wants_more |= !roles.is_subset(&previous);
        for role in previous.difference(roles) {
            if let Some(ledger) = self.roles.get_mut(role) {
                ledger.hungry.remove(&framework_id);
                if ledger
                    .frameworks
                    .get(&framework_id)
                    .is_some_and(Charge::is_idle)
                {
                    ledger.frameworks.remove(&framework_id);
                }
            }
            self.rank(role);
        }
        for role in roles {
            let ledger = self.roles.entry(role.clone()).or_default();
            let charge = ledger.frameworks.entry(framework_id).or_default();
            let rank = charge.rank(self.supply.total(), WEIGHT);
            ledger.hungry.insert(framework_id, rank);
            self.rank(role);
        }
    }

    /// A framework is over: it wants nothing and its filters are gone.
    pub(crate) fn forget_framework(&mut self, framework_id: FrameworkId) -> Vec<FilterKey> {
        self.want(framework_id, &BTreeSet::new());
        self.demands.remove(&framework_id);
        self.filters.take(framework_id, |_, _| true)
    }

    /// A framework does not want `refused` of an agent again until [`Self::accept_again`].
    pub(crate) fn refuse(&mut self, key: FilterKey, refused: Resources) {
        self.filters.insert(key, refused);
    }

    /// A filter is over.
    pub(crate) fn accept_again(&mut self, key: &FilterKey) {
        if self.filters.remove(key) {
            self.supply.mark(key.agent_id);
        }
    }

    /// The filters of a framework in these roles; they are gone.
    pub(crate) fn take_filters(
        &mut self,
        framework_id: FrameworkId,
        roles: &BTreeSet<Role>,
    ) -> Vec<FilterKey> {
        let taken = self
            .filters
            .take(framework_id, |role, _| roles.contains(role));
        self.wants_more |= !taken.is_empty();
        taken
    }

    /// How many filters a framework has.
    pub(crate) fn filter_count(&self, framework_id: FrameworkId) -> usize {
        self.filters.count(framework_id)
    }

    // ---- Allocating. ----

    /// Whether a run may find something.
    pub(crate) fn has_work(&self) -> bool {
        let has_candidates =
            self.supply.has_changed() || (self.wants_more && self.supply.has_free());
        has_candidates && !self.hungry.is_empty()
    }

    /// Gives what is free to those whose turn it is, as offers.
    pub(crate) fn allocate(&mut self) -> Vec<Allocation> {
        if std::mem::take(&mut self.ranks_are_stale) {
            self.rank_all();
        }
        let candidates = self.supply.take(std::mem::take(&mut self.wants_more));
        let mut allocations = Vec::new();
        for agent_id in candidates {
            if let Some(allocation) = self.choose(agent_id) {
                self.grant(&allocation);
                allocations.push(allocation);
            }
        }
        allocations
    }

    fn choose(&self, agent_id: AgentId) -> Option<Allocation> {
        let resources = self.supply.free_of(agent_id)?;
        for role in self.hungry.iter() {
            let Some(ledger) = self.roles.get(role) else {
                continue;
            };
            for framework_id in ledger.hungry.iter().copied() {
                let key = FilterKey {
                    framework_id,
                    role: role.clone(),
                    agent_id,
                };
                let has_room = self
                    .demands
                    .get(&framework_id)
                    .is_some_and(|demand| demand.offers < self.offers_per_framework);
                if has_room && !self.filters.refuse(&key, resources) {
                    return Some(Allocation {
                        tenant: Tenant {
                            framework_id,
                            role: role.clone(),
                        },
                        agent_id,
                        resources: resources.clone(),
                    });
                }
            }
        }
        None
    }

    fn grant(&mut self, allocation: &Allocation) {
        let tenant = &allocation.tenant;
        self.served = self.served.saturating_add(1);
        let role = self.roles.entry(tenant.role.clone()).or_default();
        role.charge.served = self.served;
        role.frameworks
            .entry(tenant.framework_id)
            .or_default()
            .served = self.served;
        self.demands.entry(tenant.framework_id).or_default().offers += 1;
        self.charge(tenant, allocation.agent_id, &allocation.resources);
    }

    // ---- Ledgers. ----

    fn move_charge(&mut self, tenant: &Tenant, change: impl Fn(&mut Amounts)) {
        let Tenant { framework_id, role } = tenant;
        let ledger = self.roles.entry(role.clone()).or_default();
        let charge = ledger.frameworks.entry(*framework_id).or_default();
        change(&mut charge.amounts);
        if ledger.hungry.contains(framework_id) {
            let rank = charge.rank(self.supply.total(), WEIGHT);
            ledger.hungry.insert(*framework_id, rank);
        } else if charge.is_idle() {
            ledger.frameworks.remove(framework_id);
        }
        change(&mut ledger.charge.amounts);
        self.rank(role);
    }

    /// Puts a role where it belongs; drops it when nobody is in it.
    fn rank(&mut self, role: &Role) {
        let Some(ledger) = self.roles.get_mut(role) else {
            return;
        };
        if ledger.hungry.is_empty() {
            self.hungry.remove(role);
            if ledger.frameworks.is_empty() {
                self.roles.remove(role);
            }
        } else {
            let rank = ledger.charge.rank(self.supply.total(), WEIGHT);
            self.hungry.insert(role.clone(), rank);
        }
    }

    fn rank_all(&mut self) {
        for (role, ledger) in &mut self.roles {
            for (framework_id, charge) in &ledger.frameworks {
                if ledger.hungry.contains(framework_id) {
                    let rank = charge.rank(self.supply.total(), WEIGHT);
                    ledger.hungry.insert(*framework_id, rank);
                }
            }
            if !ledger.hungry.is_empty() {
                let rank = ledger.charge.rank(self.supply.total(), WEIGHT);
                self.hungry.insert(role.clone(), rank);
            }
        }
    }

    // ---- What the invariants look at. ----

    /// What is held of each agent.
    pub(crate) fn held(&self) -> impl Iterator<Item = (AgentId, &Resources)> {
        self.supply.held()
    }

    /// What is charged to each tenant.
    pub(crate) fn charges(&self) -> BTreeMap<Tenant, Amounts> {
        let mut charges = BTreeMap::new();
        for (role, ledger) in &self.roles {
            for (framework_id, charge) in &ledger.frameworks {
                if !charge.amounts.is_empty() {
                    let tenant = Tenant {
                        framework_id: *framework_id,
                        role: role.clone(),
                    };
                    charges.insert(tenant, charge.amounts.clone());
                }
            }
        }
        charges
    }

    /// What is charged to each role as a whole.
    pub(crate) fn role_charges(&self) -> BTreeMap<Role, Amounts> {
        self.roles
            .iter()
            .filter(|(_, ledger)| !ledger.charge.amounts.is_empty())
            .map(|(role, ledger)| (role.clone(), ledger.charge.amounts.clone()))
            .collect()
    }
}
