//! What agents tell: one verb, one file.
//!
//! ```text
//!   register ─▶ snapshot… ─▶ (admission) ─▶ merge ─▶ Registered ─▶ update, pong, …
//!                                                        │
//!              unreachable ◀─ disconnect ◀───────────────┴─▶ unregister
//! ```
//!
//! Owns the way from a call to its verb: which agent it is, and whether it may say this now. Never
//! decides what a verb does.

pub(crate) mod admit;
mod adopt;
pub(crate) mod disconnect;
mod merge;
pub(crate) mod ping;
mod register;
mod runners;
mod snapshot;
pub(crate) mod unreachable;
mod unregister;
mod update;
mod usages;

use stoker_types::{
    AgentId, Timestamp,
    agent::{AgentCall, AgentEvent},
};

use crate::{
    effect::Effect,
    input::ConnectionId,
    state::{Cluster, connections::Peer, count},
    validation::Refusal,
};

/// An agent calls.
pub(crate) fn call(
    cluster: &mut Cluster,
    now: Timestamp,
    connection: ConnectionId,
    call: AgentCall,
    effects: &mut Vec<Effect>,
) {
    let verb = verb(&call);
    let agent_id = match cluster.connections.get(connection) {
        Some(Peer::Agent(agent_id)) => agent_id,
        Some(Peer::Closed) => {
            tracing::debug!(connection = connection.0, verb, "call on an ended stream");
            return;
        }
        Some(Peer::Scheduler(framework_id)) => {
            tracing::warn!(%framework_id, verb, "an agent's call on a scheduler's stream");
            return;
        }
        None => {
            count(&mut cluster.counters.agent_calls, verb);
            first_call(cluster, now, connection, call, effects);
            return;
        }
    };
    count(&mut cluster.counters.agent_calls, verb);
    let Some(agent) = cluster.agents.get_mut(agent_id) else {
        return;
    };
    agent.last_heard = now;
    dispatch(cluster, now, agent_id, call, effects);
}

fn first_call(
    cluster: &mut Cluster,
    now: Timestamp,
    connection: ConnectionId,
    call: AgentCall,
    effects: &mut Vec<Effect>,
) {
    let verb = verb(&call);
    if let AgentCall::Register { agent, boot_id } = call {
        register::register(cluster, now, connection, (agent, boot_id), effects);
    } else {
        let refusal = Refusal::NotRegistered { verb };
        refuse_on(cluster, connection, (verb, true), &refusal, effects);
    }
}

fn dispatch(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    call: AgentCall,
    effects: &mut Vec<Effect>,
) {
    let agent = cluster.agents.get(agent_id);
    let is_active = agent.is_some_and(|agent| agent.listener().is_some());
    match call {
        AgentCall::Register { .. } => {
            let refusal = Refusal::AlreadyRegistered;
            reject(cluster, now, agent_id, ("register", &refusal), effects);
        }
        AgentCall::Snapshot { tasks, last } => {
            snapshot::snapshot(cluster, now, agent_id, (tasks, last), effects);
        }
        // Until it is registered, what it says beside its tasks is not looked at: it says it again.
        AgentCall::Update(update) if is_active => {
            update::update(cluster, now, agent_id, update, effects);
        }
        AgentCall::Update(_) => {}
        // That it said something is all that counts.
        AgentCall::Pong => {}
        AgentCall::Runners(runners) => runners::runners(cluster, agent_id, runners),
        AgentCall::Usages(usages) => usages::usages(cluster, agent_id, usages),
        AgentCall::Unregister => unregister::unregister(cluster, now, agent_id, effects),
    }
}

const fn verb(call: &AgentCall) -> &'static str {
    match call {
        AgentCall::Register { .. } => "register",
        AgentCall::Snapshot { .. } => "snapshot",
        AgentCall::Update(_) => "update",
        AgentCall::Pong => "pong",
        AgentCall::Runners(_) => "runners",
        AgentCall::Unregister => "unregister",
        AgentCall::Usages(_) => "usages",
    }
}

/// What an agent said cannot be: its stream is ended, and it may register again, telling all that
/// it has. Where the two disagree, that is how they agree again.
fn reject(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    (verb, refusal): (&'static str, &Refusal),
    effects: &mut Vec<Effect>,
) {
    turn_away(cluster, now, agent_id, (verb, refusal, true), effects);
}

/// Ends an agent's stream with a reason; whether it may `retry`.
fn turn_away(
    cluster: &mut Cluster,
    now: Timestamp,
    agent_id: AgentId,
    (verb, refusal, retry): (&'static str, &Refusal, bool),
    effects: &mut Vec<Effect>,
) {
    let agent = cluster.agents.get(agent_id);
    if let Some(connection) = agent.and_then(|agent| agent.connection()) {
        refuse_on(cluster, connection, (verb, retry), refusal, effects);
        disconnect::disconnect(cluster, now, agent_id, effects);
    }
}

fn refuse_on(
    cluster: &mut Cluster,
    connection: ConnectionId,
    (verb, retry): (&'static str, bool),
    refusal: &Refusal,
    effects: &mut Vec<Effect>,
) {
    tracing::warn!(connection = connection.0, verb, retry, %refusal, "an agent is refused");
    count(&mut cluster.counters.agent_refusals, verb);
    let message = refusal.to_string();
    let event = AgentEvent::Refused { message, retry };
    effects.push(Effect::ToAgent { connection, event });
    cluster.connections.close(connection, effects);
}
