//! Snapshot: an agent tells its tasks, in chunks.
//!
//! Owns the collecting. What the tasks mean is decided when all are told and the agent is
//! admitted: see `merge`.

use stoker_types::{AgentId, Timestamp, agent::TaskSnapshot};

use super::{merge, reject, turn_away};
use crate::{
    effect::Effect,
    state::{Cluster, agents::AgentPhase},
    validation::Refusal,
};

/// Takes some of an agent's tasks; with the `last` ones the agent is registered, as soon as the
/// registry has confirmed it.
pub(crate) fn snapshot(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    (tasks, last): (Vec<TaskSnapshot>, bool),
    effects: &mut Vec<Effect>,
) {
    let limit = cluster.config.limits.tasks_per_agent;
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    let AgentPhase::Registering(registration) = &mut agent.phase else {
        let refusal = Refusal::AlreadyRegistered;
        reject(cluster, now, agent_id, ("snapshot", &refusal), effects);
        return;
    };
    if registration.told.len().saturating_add(tasks.len()) > limit {
        let name = "tasks_per_agent";
        let refusal = Refusal::LimitReached { name, limit };
        turn_away(
            cluster,
            now,
            agent_id,
            ("snapshot", &refusal, true),
            effects,
        );
        return;
    }
    registration.told.extend(tasks);
    if !last {
        return;
    }
    let registration = registration.take();
    if agent.pending_write.is_some() {
        agent.phase = AgentPhase::Admitting(Box::new(registration));
    } else {
        merge::merge(cluster, now, registration, effects);
    }
}
