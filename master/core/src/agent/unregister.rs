//! Unregister: an agent stops for good and has no task left.
//!
//! Owns the farewell: nobody waits for it, it stays admitted and is shown as disconnected. One
//! that leaves tasks behind is treated as one that was lost.

use stoker_types::{AgentId, TaskKey, Timestamp};

use super::{disconnect, unreachable};
use crate::{
    effect::Effect,
    state::{Cluster, agents::AgentPhase, life, timers::Timer},
};

/// Lets an agent go.
pub(crate) fn unregister(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    effects: &mut Vec<Effect>,
) {
    let Some(agent) = cluster.agents.get(agent_id) else {
        return;
    };
    if let Some(connection) = agent.connection() {
        cluster.connections.close(connection, effects);
    }
    let tasks: Vec<TaskKey> = agent.tasks.iter().cloned().collect();
    disconnect::disconnect(cluster, now, agent_id, effects);
    let (ended, alive): (Vec<TaskKey>, Vec<TaskKey>) = tasks.into_iter().partition(|key| {
        let task = cluster.tasks.get(key);
        task.is_some_and(|task| task.state.is_terminal())
    });
    if !alive.is_empty() {
        tracing::warn!(%agent_id, tasks = alive.len(), "an agent stops and leaves tasks behind");
        return;
    }
    // Their updates will never be sent again: there is nothing to acknowledge.
    for key in ended {
        life::conclude(cluster, &key);
    }
    cluster.timers.cancel(&Timer::AgentReturn(agent_id));
    if let Some(agent) = cluster.agents.get_mut(agent_id) {
        agent.phase = AgentPhase::Stopped;
    }
    unreachable::leave_cluster(cluster, agent_id);
}
