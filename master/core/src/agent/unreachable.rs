//! Unreachable: an agent did not return in time.
//!
//! Owns that step. The registry knows first: a master that forgets it would tell frameworks two
//! stories. Then the agent's tasks are unreachable, and what they held counts for nobody; they may
//! come back with their agent.

use stoker_types::{AgentId, Reason, TaskState, Timestamp, scheduler::Event};

use crate::{
    effect::{Effect, RegistryOperation},
    state::{
        Cluster,
        agents::{Agent, AgentPhase},
        ledger, life,
        timers::Timer,
    },
};

/// The agent is to be unreachable, as soon as the registry has confirmed it.
pub(crate) fn mark(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    effects: &mut Vec<Effect>,
) {
    cluster.timers.cancel(&Timer::AgentReturn(agent_id));
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    if agent.phase != AgentPhase::Disconnected {
        return;
    }
    let Some(mut record) = agent.in_registry.clone() else {
        return;
    };
    record.unreachable_since = Some(now);
    agent.in_registry = Some(record.clone());
    let operation = RegistryOperation::PutAgent(record);
    let sequence = cluster.registry.persist(operation, effects);
    agent.pending_write = Some(sequence);
    agent.phase = AgentPhase::MarkingUnreachable { sequence };
}

/// The registry confirmed it: the frameworks of its tasks hear of it.
pub(super) fn confirmed(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    effects: &mut Vec<Effect>,
) {
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    tracing::warn!(%agent_id, tasks = agent.tasks.len(), "an agent is unreachable");
    agent.phase = AgentPhase::Unreachable;
    for key in agent.tasks.clone() {
        let is_alive = cluster
            .tasks
            .get(&key)
            .is_some_and(|task| task.holds_resources());
        if !is_alive {
            continue;
        }
        let (state, reason) = (TaskState::Unreachable, Reason::AgentUnreachable);
        life::step(cluster, &key, state, Some(reason), now);
        let framework_id = key.framework_id;
        let message = "its agent did not answer in time; it may be running, and may come back";
        let status = (state, reason);
        let update = life::masters_update(key, Some(agent_id), status, message, now);
        life::tell_scheduler(cluster, framework_id, Event::Update(update), effects);
    }
    leave_cluster(cluster, agent_id);
}

/// Nothing of the agent counts for the shares any more.
pub(super) fn leave_cluster(cluster: &mut Cluster, agent_id: AgentId) {
    forget_strays(cluster, agent_id);
    for key in cluster.allocator.remove_agent(agent_id) {
        cluster.timers.cancel(&Timer::Filter(key));
    }
    cluster.changes.agent(agent_id);
}

/// The agent will tell of them again if they still run.
pub(super) fn forget_strays(cluster: &mut Cluster, agent_id: AgentId) {
    let agent = cluster.agents.get_mut(agent_id);
    let strays = agent.map(|agent: &mut Agent| std::mem::take(&mut agent.strays));
    for stray in strays
        .into_iter()
        .flat_map(std::collections::BTreeMap::into_values)
    {
        ledger::give_back(cluster, &stray.tenant, agent_id, &stray.allocated);
    }
}
