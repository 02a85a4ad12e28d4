//! Sends updates: at once, in order, at most four of a task unacknowledged; and again, until they
//! are acknowledged.

use std::time::Duration;

use stoker_types::{FrameworkId, IdGenerator, TaskKey, Timestamp, agent::AgentCall};

use super::acknowledge;
use crate::{Agent, ConnectionId, Effect, Timeouts, state::Timer};

/// Sends what may be sent of a task and was not sent on this stream.
pub(crate) fn flush(agent: &mut Agent, now: Timestamp, key: &TaskKey, effects: &mut Vec<Effect>) {
    let (Some(connection), Some(task)) = (agent.session.registered(), agent.tasks.get_mut(key))
    else {
        return;
    };
    let mut was_sent = false;
    while let Some(update) = task.updates.take_sendable() {
        was_sent = true;
        effects.push(update_to(connection, update));
    }
    if was_sent {
        let delay = delay(
            &agent.config.timeouts,
            task.updates.resends,
            &mut agent.generator,
        );
        agent
            .timers
            .set_if_unset(Timer::Resend(key.clone()), now.after(delay));
    }
    // Nobody is left to acknowledge them: the master is told once.
    let sent = task.updates.sent();
    if agent.removed_frameworks.contains(key.framework_id) && task.updates.has_in_flight() {
        acknowledge::acknowledge(agent, now, key, sent, effects);
    }
}

/// A task's updates were not acknowledged in time.
pub(crate) fn resend_due(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    effects: &mut Vec<Effect>,
) {
    let (Some(connection), Some(task)) = (agent.session.registered(), agent.tasks.get_mut(key))
    else {
        return;
    };
    if !task.updates.has_in_flight() {
        return;
    }
    task.updates.resends = task.updates.resends.saturating_add(1);
    let updates = task.updates.in_flight().cloned();
    effects.extend(updates.map(|update| update_to(connection, update)));
    let delay = delay(
        &agent.config.timeouts,
        task.updates.resends,
        &mut agent.generator,
    );
    agent
        .timers
        .set(Timer::Resend(key.clone()), now.after(delay));
}

/// Sends all that is not acknowledged of these tasks anew, at once.
pub(crate) fn restart(
    agent: &mut Agent,
    now: Timestamp,
    keys: &[TaskKey],
    effects: &mut Vec<Effect>,
) {
    for key in keys {
        agent.timers.cancel(&Timer::Resend(key.clone()));
        if let Some(task) = agent.tasks.get_mut(key) {
            task.updates.begin_stream();
        }
        flush(agent, now, key, effects);
    }
}

/// A framework's scheduler is back, and may have missed updates.
pub(crate) fn resend_updates(
    agent: &mut Agent,
    now: Timestamp,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    let keys = agent.tasks.keys_of(framework_id);
    restart(agent, now, &keys, effects);
}

/// The stream is over: nothing is sent again before the next registration.
pub(crate) fn pause(agent: &mut Agent) {
    let is_resend = |timer: &&Timer| matches!(timer, Timer::Resend(_));
    let timers: Vec<Timer> = agent.timers.iter().filter(is_resend).cloned().collect();
    for timer in timers {
        agent.timers.cancel(&timer);
    }
}

/// Sets the time to send a task's updates again, if any are under way.
pub(crate) fn reset_timer(agent: &mut Agent, now: Timestamp, key: &TaskKey) {
    let timer = Timer::Resend(key.clone());
    agent.timers.cancel(&timer);
    let is_registered = agent.session.registered().is_some();
    if let Some(task) = agent.tasks.get(key)
        && is_registered
        && task.updates.has_in_flight()
    {
        let delay = delay(
            &agent.config.timeouts,
            task.updates.resends,
            &mut agent.generator,
        );
        agent.timers.set(timer, now.after(delay));
    }
}

fn update_to(connection: ConnectionId, update: stoker_types::StatusUpdate) -> Effect {
    Effect::ToMaster {
        connection,
        call: AgentCall::Update(update),
    }
}

/// The time to the next sending: doubled with each one up to the longest, and up to an eighth
/// more or less, so that not all come at once.
fn delay(timeouts: &Timeouts, resends: u32, generator: &mut IdGenerator) -> Duration {
    let factor = 1u32.checked_shl(resends).unwrap_or(u32::MAX);
    let delay = timeouts
        .resend_first
        .saturating_mul(factor)
        .min(timeouts.resend_longest);
    let span = u64::try_from(delay.as_micros() / 4).unwrap_or(u64::MAX);
    delay - delay / 8 + Duration::from_micros(generator.below(span))
}
