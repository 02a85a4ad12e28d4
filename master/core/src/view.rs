//! The counts that a master exports as metrics.
//!
//! Owns their shape; the tables do the counting.

use std::collections::BTreeMap;

use stoker_types::TaskState;

use crate::{
    effect::{AgentState, FrameworkState},
    state::Cluster,
};

/// What a master counts. A state or verb that is absent counts zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The tasks that are alive, or over and not acknowledged yet.
    pub tasks: BTreeMap<TaskState, u64>,
    /// The tasks that ended since this master started.
    pub tasks_ended: BTreeMap<TaskState, u64>,
    /// The admitted agents.
    pub agents: BTreeMap<AgentState, u64>,
    /// The frameworks; those that are over as long as readers see them.
    pub frameworks: BTreeMap<FrameworkState, u64>,
    /// The offers that are out.
    pub offers: u64,
    /// The offers made since this master started.
    pub offers_made: u64,
    /// The allocator's runs since this master started.
    pub allocation_runs: u64,
    /// The calls of schedulers since this master started, by verb.
    pub scheduler_calls: BTreeMap<&'static str, u64>,
    /// Those that were refused; what could not be read counts as `invalid`.
    pub scheduler_refusals: BTreeMap<&'static str, u64>,
    /// The calls of agents since this master started, by verb.
    pub agent_calls: BTreeMap<&'static str, u64>,
    /// Those that were refused.
    pub agent_refusals: BTreeMap<&'static str, u64>,
}

impl View {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let mut agents = BTreeMap::new();
        for agent in cluster.agents.iter().filter(|agent| agent.is_admitted) {
            *agents.entry(agent.state()).or_default() += 1;
        }
        let mut frameworks = BTreeMap::new();
        for state in cluster
            .frameworks
            .iter()
            .filter_map(|framework| framework.state())
        {
            *frameworks.entry(state).or_default() += 1;
        }
        Self {
            tasks: cluster.tasks.counts().clone(),
            tasks_ended: cluster.tasks.ended().clone(),
            agents,
            frameworks,
            offers: cluster.offers.count() as u64,
            offers_made: cluster.offers.made(),
            allocation_runs: cluster.counters.allocation_runs,
            scheduler_calls: cluster.counters.scheduler_calls.clone(),
            scheduler_refusals: cluster.counters.scheduler_refusals.clone(),
            agent_calls: cluster.counters.agent_calls.clone(),
            agent_refusals: cluster.counters.agent_refusals.clone(),
        }
    }
}
