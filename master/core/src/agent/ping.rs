//! Ping: is an agent still there?
//!
//! Owns the rhythm of pings and what silence means. Any call counts as life, so a pong needs no
//! handling of its own.

use stoker_types::{AgentId, Timestamp, agent::AgentEvent};

use super::{disconnect, unreachable};
use crate::{
    effect::Effect,
    state::{Cluster, timers::Timer},
};

/// Pings an agent, or gives it up if it has been silent for too long.
pub(crate) fn ping(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    effects: &mut Vec<Effect>,
) {
    let Some(agent) = cluster.agents.get(agent_id) else {
        return;
    };
    let Some(connection) = agent.connection() else {
        return;
    };
    let gives_up_at = agent.last_heard.after(cluster.config.timeouts.unreachable);
    if gives_up_at <= now {
        tracing::warn!(%agent_id, "an agent has been silent for too long");
        cluster.connections.close(connection, effects);
        disconnect::disconnect(cluster, now, agent_id, effects);
        unreachable::mark(cluster, now, agent_id, effects);
        return;
    }
    let event = AgentEvent::Ping;
    effects.push(Effect::ToAgent { connection, event });
    let next = now.after(cluster.config.timeouts.ping).min(gives_up_at);
    cluster.timers.set(Timer::Ping(agent_id), next);
}
