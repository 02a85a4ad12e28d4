//! Decline filters: what a framework does not want to be offered again, until a time.
//!
//! Owns which filters there are. When they end is in the one timer table.

use std::collections::BTreeMap;

use stoker_types::{AgentId, FrameworkId, Resources, Role};

/// Names a filter: one framework in one role has at most one for an agent, the latest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FilterKey {
    pub(crate) framework_id: FrameworkId,
    pub(crate) role: Role,
    pub(crate) agent_id: AgentId,
}

/// All filters.
#[derive(Clone, Debug, Default)]
pub(super) struct Filters {
    by_framework: BTreeMap<FrameworkId, BTreeMap<(Role, AgentId), Resources>>,
}

impl Filters {
    /// No more than `refused` of this agent for now; an earlier filter of this key is replaced.
    pub(super) fn insert(&mut self, key: FilterKey, refused: Resources) {
        self.by_framework
            .entry(key.framework_id)
            .or_default()
            .insert((key.role, key.agent_id), refused);
    }

    /// Whether `resources` of this agent are refused: they are no more than what was declined.
    pub(super) fn refuse(&self, key: &FilterKey, resources: &Resources) -> bool {
        self.by_framework
            .get(&key.framework_id)
            .and_then(|filters| filters.get(&(key.role.clone(), key.agent_id)))
            .is_some_and(|refused| refused.contains(resources))
    }

    /// Whether there was such a filter; there is none now.
    pub(super) fn remove(&mut self, key: &FilterKey) -> bool {
        let Some(filters) = self.by_framework.get_mut(&key.framework_id) else {
            return false;
        };
        let existed = filters.remove(&(key.role.clone(), key.agent_id)).is_some();
        if filters.is_empty() {
            self.by_framework.remove(&key.framework_id);
        }
        existed
    }

    /// How many filters a framework has.
    pub(super) fn count(&self, framework_id: FrameworkId) -> usize {
        self.by_framework
            .get(&framework_id)
            .map_or(0, BTreeMap::len)
    }

    /// Those of a framework for which `wanted` says so; they are gone.
    pub(super) fn take(
        &mut self,
        framework_id: FrameworkId,
        wanted: impl Fn(&Role, AgentId) -> bool,
    ) -> Vec<FilterKey> {
        let Some(filters) = self.by_framework.get_mut(&framework_id) else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        filters.retain(|(role, agent_id), _| {
            let is_wanted = wanted(role, *agent_id);
            if is_wanted {
                taken.push(FilterKey {
                    framework_id,
                    role: role.clone(),
                    agent_id: *agent_id,
                });
            }
            !is_wanted
        });
        if filters.is_empty() {
            self.by_framework.remove(&framework_id);
        }
        taken
    }

    /// Those for an agent; they are gone.
    pub(super) fn take_of_agent(&mut self, agent_id: AgentId) -> Vec<FilterKey> {
        let frameworks: Vec<FrameworkId> = self.by_framework.keys().copied().collect();
        frameworks
            .into_iter()
            .flat_map(|framework_id| self.take(framework_id, |_, agent| agent == agent_id))
            .collect()
    }
}
