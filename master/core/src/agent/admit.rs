//! Admit: the registry confirmed a write about an agent.
//!
//! Owns what goes on then: a registration that waited for it, or an agent that is unreachable from
//! now on.

use stoker_types::{AgentId, Timestamp};

use super::{merge, unreachable};
use crate::{
    effect::Effect,
    state::{Cluster, agents::AgentPhase},
};

/// Goes on with what waited for write number `sequence`.
pub(crate) fn confirmed(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    sequence: u64,
    effects: &mut Vec<Effect>,
) {
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    if !std::mem::replace(&mut agent.is_admitted, true) {
        tracing::info!(%agent_id, "an agent is admitted");
    }
    cluster.changes.agent(agent_id);
    if agent.pending_write != Some(sequence) {
        return;
    }
    agent.pending_write = None;
    match &mut agent.phase {
        AgentPhase::Admitting(registration) => {
            let registration = registration.take();
            merge::merge(cluster, now, registration, effects);
        }
        AgentPhase::MarkingUnreachable { .. } => {
            unreachable::confirmed(cluster, now, agent_id, effects);
        }
        AgentPhase::Registering(_)
        | AgentPhase::Active { .. }
        | AgentPhase::Disconnected
        | AgentPhase::Unreachable
        | AgentPhase::Stopped => {}
    }
}
