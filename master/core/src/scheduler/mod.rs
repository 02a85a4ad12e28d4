//! What schedulers ask for: one verb, one file.
//!
//! ```text
//!   subscribe ─▶ admit ─▶ (offers) ─▶ accept | decline ─▶ … ─▶ acknowledge
//!                  ▲                                            revive, suppress, kill, reconcile, message
//!   disconnect ────┘   teardown ─▶ remove ◀─ failover timeout
//! ```
//!
//! Owns the way from a call to its verb: who called, and whether it may. Never decides what a verb
//! does.

mod accept;
mod acknowledge;
pub(crate) mod admit;
mod decline;
pub(crate) mod disconnect;
mod kill;
mod message;
pub(crate) mod offer;
mod reconcile;
pub(crate) mod remove;
pub(crate) mod rescind;
mod revive;
mod subscribe;
mod suppress;
mod teardown;

pub(crate) use kill::kill_task;

use stoker_types::{
    FrameworkId, Timestamp,
    scheduler::{Call, Event, NumberedCall},
};

use crate::{
    effect::Effect,
    input::ConnectionId,
    state::{Cluster, connections::Peer, count, frameworks::FrameworkPhase},
    validation::Refusal,
};

/// Who called, and which call it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) connection: ConnectionId,
    pub(crate) framework_id: FrameworkId,
    pub(crate) call_id: u64,
    pub(crate) verb: &'static str,
}

/// A scheduler calls.
pub(crate) fn call(
    cluster: &mut Cluster,
    now: Timestamp,
    connection: ConnectionId,
    numbered: NumberedCall,
    effects: &mut Vec<Effect>,
) {
    let NumberedCall { call_id, call } = numbered;
    let verb = call.verb();
    let framework_id = match cluster.connections.get(connection) {
        Some(Peer::Scheduler(framework_id)) => framework_id,
        Some(Peer::Closed) => {
            tracing::debug!(connection = connection.0, verb, "call on an ended stream");
            return;
        }
        Some(Peer::Agent(agent_id)) => {
            tracing::warn!(%agent_id, verb, "a scheduler's call on an agent's stream");
            return;
        }
        None => {
            first_call(
                cluster,
                now,
                connection,
                NumberedCall { call_id, call },
                effects,
            );
            return;
        }
    };
    count(&mut cluster.counters.scheduler_calls, verb);
    let caller = Caller {
        connection,
        framework_id,
        call_id,
        verb,
    };
    match may_call(cluster, framework_id, &call) {
        Ok(()) => dispatch(cluster, now, &caller, call, effects),
        Err(refusal) => refuse(cluster, &caller, &refusal, effects),
    }
}

/// A scheduler's call could not be read.
pub(crate) fn call_invalid(
    cluster: &mut Cluster,
    connection: ConnectionId,
    call_id: u64,
    message: String,
    effects: &mut Vec<Effect>,
) {
    match cluster.connections.get(connection) {
        Some(Peer::Closed | Peer::Agent(_)) => {}
        known @ (Some(Peer::Scheduler(_)) | None) => {
            let refusal = Refusal::Unreadable(message);
            refuse_on(cluster, connection, (call_id, "invalid"), &refusal, effects);
            if known.is_none() {
                cluster.connections.close(connection, effects);
            }
        }
    }
}

fn first_call(
    cluster: &mut Cluster,
    now: Timestamp,
    connection: ConnectionId,
    numbered: NumberedCall,
    effects: &mut Vec<Effect>,
) {
    let verb = numbered.call.verb();
    count(&mut cluster.counters.scheduler_calls, verb);
    if let Call::Subscribe {
        framework,
        framework_id,
        suppressed_roles,
    } = numbered.call
    {
        let subscription = subscribe::Subscription {
            connection,
            framework,
            framework_id,
            suppressed_roles,
        };
        subscribe::subscribe(cluster, now, subscription, effects);
        return;
    }
    let refusal = Refusal::NotSubscribed { verb };
    refuse_on(
        cluster,
        connection,
        (numbered.call_id, verb),
        &refusal,
        effects,
    );
    cluster.connections.close(connection, effects);
}

fn may_call(cluster: &Cluster, framework_id: FrameworkId, call: &Call) -> Result<(), Refusal> {
    let Some(framework) = cluster.frameworks.get(framework_id) else {
        return Err(Refusal::FrameworkUnknown(framework_id));
    };
    if matches!(call, Call::Subscribe { .. }) {
        return Err(Refusal::AlreadySubscribed);
    }
    match framework.phase {
        FrameworkPhase::Active { .. } => Ok(()),
        FrameworkPhase::Admitting { .. } => Err(Refusal::StillAdmitting),
        FrameworkPhase::Removing { .. }
        | FrameworkPhase::Completed
        | FrameworkPhase::Disconnected
        | FrameworkPhase::Orphaned => Err(Refusal::BeingRemoved(framework_id)),
    }
}

fn dispatch(
    cluster: &mut Cluster,
    now: Timestamp,
    caller: &Caller,
    call: Call,
    effects: &mut Vec<Effect>,
) {
    match call {
        // Refused before: the stream is subscribed.
        Call::Subscribe { .. } => {}
        Call::Teardown => teardown::teardown(cluster, now, caller, effects),
        Call::Accept {
            offer_ids,
            operations,
            filter,
        } => {
            let accept = accept::Accept {
                offer_ids,
                operations,
                filter,
            };
            accept::accept(cluster, now, caller, accept, effects);
        }
        Call::Decline { offer_ids, filter } => {
            let decline = decline::Decline { offer_ids, filter };
            decline::decline(cluster, now, caller, decline, effects);
        }
        Call::Revive { roles } => revive::revive(cluster, caller, &roles, effects),
        Call::Suppress { roles } => suppress::suppress(cluster, caller, &roles, effects),
        Call::Kill { task_id, grace } => {
            kill::kill(cluster, now, caller, (task_id, grace), effects);
        }
        Call::Acknowledge {
            agent_id,
            task_id,
            number,
        } => {
            let acknowledgement = acknowledge::Acknowledgement {
                agent_id,
                task_id,
                number,
            };
            acknowledge::acknowledge(cluster, caller, &acknowledgement, effects);
        }
        Call::Reconcile { tasks } => reconcile::reconcile(cluster, now, caller, tasks, effects),
        Call::Message { task_id, .. } => message::message(cluster, caller, task_id, effects),
    }
}

/// Tells the caller that its call was not carried out.
pub(crate) fn refuse(
    cluster: &mut Cluster,
    caller: &Caller,
    refusal: &Refusal,
    effects: &mut Vec<Effect>,
) {
    let call = (caller.call_id, caller.verb);
    refuse_on(cluster, caller.connection, call, refusal, effects);
}

fn refuse_on(
    cluster: &mut Cluster,
    connection: ConnectionId,
    (call_id, verb): (u64, &'static str),
    refusal: &Refusal,
    effects: &mut Vec<Effect>,
) {
    tracing::debug!(connection = connection.0, call_id, verb, %refusal, "refused");
    count(&mut cluster.counters.scheduler_refusals, verb);
    effects.push(Effect::ToScheduler {
        connection,
        event: Event::Refused {
            call_id,
            message: refusal.to_string(),
        },
    });
}
