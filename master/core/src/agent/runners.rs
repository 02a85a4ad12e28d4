//! Runners: an agent tells which runner processes it has. Only operators look at them.

use stoker_types::{AgentId, agent::RunnerInfo};

use crate::state::Cluster;

/// Shows an agent's runners.
pub(crate) fn runners(cluster: &mut Cluster, agent_id: AgentId, runners: Vec<RunnerInfo>) {
    if let Some(agent) = cluster.agents.get_mut(agent_id) {
        agent.runners = runners;
        cluster.changes.agent(agent_id);
    }
}
