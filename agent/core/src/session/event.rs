//! The master speaks: sorts out who is deposed and who is early, and passes the rest on.

use stoker_types::{
    Epoch, Timestamp,
    agent::{AgentCall, AgentEvent, DEFAULT_KILL_GRACE},
};

use super::{Stream, connection, refused::refused, registered::registered};
use crate::{Agent, ConnectionId, Effect, kill, launch, state::RemovedFrameworks, updates};

pub(crate) fn event(
    agent: &mut Agent,
    now: Timestamp,
    (from, epoch): (ConnectionId, Epoch),
    event: AgentEvent,
    effects: &mut Vec<Effect>,
) {
    if agent.session.connection() != Some(from) {
        return;
    }
    let highest_epoch = agent.session.highest_epoch;
    if epoch < highest_epoch {
        tracing::warn!(%epoch, %highest_epoch, "a deposed master speaks; leaving it");
        connection::leave(agent, effects);
        return;
    }
    if epoch > highest_epoch {
        // A new master may take in again what an earlier one shut down; if not, it says so.
        agent.removed_frameworks = RemovedFrameworks::default();
    }
    agent.session.highest_epoch = epoch;
    match event {
        AgentEvent::Registered { agent_id, .. } => {
            registered(agent, now, agent_id, epoch, effects);
        }
        AgentEvent::Refused { message, retry } => refused(agent, now, message, retry, effects),
        AgentEvent::Ping => pong(agent, effects),
        AgentEvent::Launch(_)
        | AgentEvent::Kill { .. }
        | AgentEvent::ShutdownFramework { .. }
        | AgentEvent::Acknowledge { .. }
        | AgentEvent::ResendUpdates { .. }
        | AgentEvent::Transfer(_) => {
            if agent.session.registered().is_some() {
                carry_out(agent, now, event, effects);
            }
        }
    }
}

/// What only an admitted agent is told.
fn carry_out(agent: &mut Agent, now: Timestamp, event: AgentEvent, effects: &mut Vec<Effect>) {
    match event {
        AgentEvent::Launch(task) => launch::admit::admit(agent, now, task, effects),
        AgentEvent::Kill {
            task,
            reason,
            grace,
        } => {
            let grace = grace.unwrap_or(DEFAULT_KILL_GRACE);
            kill::kill_task::kill_task(agent, now, &task, (reason, grace), effects);
        }
        AgentEvent::ShutdownFramework { framework_id } => {
            kill::shutdown_framework::shutdown_framework(agent, now, framework_id, effects);
        }
        AgentEvent::Acknowledge { task, number } => {
            updates::acknowledge::acknowledge(agent, now, &task, number, effects);
        }
        AgentEvent::ResendUpdates { framework_id } => {
            updates::send::resend_updates(agent, now, framework_id, effects);
        }
        AgentEvent::Transfer(request) => effects.push(Effect::Transfer(request)),
        AgentEvent::Registered { .. } | AgentEvent::Refused { .. } | AgentEvent::Ping => {}
    }
}

/// Answers a ping; before the agent has introduced itself there is nobody to answer.
fn pong(agent: &Agent, effects: &mut Vec<Effect>) {
    match agent.session.stream {
        Stream::Closed | Stream::Recovering { .. } => {}
        Stream::Registering { connection } | Stream::Registered { connection, .. } => {
            effects.push(Effect::ToMaster {
                connection,
                call: AgentCall::Pong,
            });
        }
    }
}
