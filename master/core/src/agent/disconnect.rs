//! Disconnect: an agent's stream is over.
//!
//! Owns what follows: nothing of it is offered any more, its tasks run on, and it has a time to
//! return before it counts as unreachable.

use stoker_types::{AgentId, Timestamp};

use crate::{
    effect::Effect,
    scheduler::rescind,
    state::{Cluster, agents::AgentPhase, timers::Timer},
};

/// An agent is gone, for now.
pub(crate) fn disconnect(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    effects: &mut Vec<Effect>,
) {
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    if agent.connection().is_none() {
        return;
    }
    agent.phase = AgentPhase::Disconnected;
    cluster.allocator.set_offerable(agent_id, false);
    cluster.changes.agent(agent_id);
    rescind::rescind_of_agent(cluster, agent_id, effects);
    cluster.timers.cancel(&Timer::Ping(agent_id));
    let deadline = now.after(cluster.config.timeouts.unreachable);
    cluster.timers.set(Timer::AgentReturn(agent_id), deadline);
}
