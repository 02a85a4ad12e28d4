//! Register: an agent introduces itself, in the first call of a stream.
//!
//! Owns what is decided before it tells its tasks: of two streams of one agent the later one wins,
//! and what the registry is to hold of it is written meanwhile. Never takes over what it says of
//! itself: that holds once it is registered.

use stoker_types::{AgentId, Timestamp, agent::AgentInfo};

use super::refuse_on;
use crate::{
    effect::{AgentRecord, Effect, RegistryOperation},
    input::ConnectionId,
    scheduler::rescind,
    state::{
        Cluster,
        agents::{Agent, AgentPhase, Registration},
        connections::Peer,
        timers::Timer,
    },
    validation::Refusal,
};

/// Begins a registration.
pub(crate) fn register(
    cluster: &mut Cluster,
    now: Timestamp,
    connection: ConnectionId,
    (info, boot_id): (AgentInfo, String),
    effects: &mut Vec<Effect>,
) {
    let agent_id = info.id;
    let limit = cluster.config.limits.agents;
    if cluster.agents.get(agent_id).is_none() && cluster.agents.count() >= limit {
        let name = "agents";
        let refusal = Refusal::LimitReached { name, limit };
        refuse_on(cluster, connection, ("register", true), &refusal, effects);
        return;
    }
    if let Some(previous) = cluster
        .agents
        .get(agent_id)
        .and_then(|agent| agent.connection())
    {
        tracing::warn!(%agent_id, "an agent registers while its older stream is still there");
        cluster.connections.close(previous, effects);
    }
    rescind::rescind_of_agent(cluster, agent_id, effects);
    cluster.connections.open(connection, Peer::Agent(agent_id));
    let registration = Registration {
        connection,
        info,
        boot_id,
        told: Vec::new(),
    };
    begin(cluster, now, registration);
    write(cluster, agent_id, effects);
}

fn begin(cluster: &mut Cluster, now: Timestamp, registration: Registration) {
    let agent_id = registration.info.id;
    cluster.timers.cancel(&Timer::AgentReturn(agent_id));
    let ping = cluster.config.timeouts.ping;
    cluster.timers.set(Timer::Ping(agent_id), now.after(ping));
    cluster.changes.agent(agent_id);
    let info = registration.info.clone();
    let phase = AgentPhase::Registering(Box::new(registration));
    if let Some(agent) = cluster.agents.get_mut(agent_id) {
        agent.phase = phase;
        agent.last_heard = now;
        cluster.allocator.set_offerable(agent_id, false);
    } else {
        cluster.agents.insert(Agent::new(info, phase, now));
    }
}

/// Has the registry hold the agent as it introduces itself, and reachable.
fn write(cluster: &mut Cluster, agent_id: AgentId, effects: &mut Vec<Effect>) {
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    let AgentPhase::Registering(registration) = &agent.phase else {
        return;
    };
    let record = AgentRecord {
        agent: registration.info.clone(),
        unreachable_since: None,
    };
    if agent.in_registry.as_ref() == Some(&record) {
        return;
    }
    agent.in_registry = Some(record.clone());
    let operation = RegistryOperation::PutAgent(record);
    agent.pending_write = Some(cluster.registry.persist(operation, effects));
}
