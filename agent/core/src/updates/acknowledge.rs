//! The framework has taken care of updates: they need not be kept, and a task whose end is among
//! them is forgotten.

use stoker_types::{TaskKey, Timestamp};

use super::send;
use crate::{
    Agent, Effect, Record,
    state::{Awaiting, Phase, Timer},
};

/// Drops a task's updates up to `number`. What was never sent cannot be acknowledged.
pub(crate) fn acknowledge(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    number: u64,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get_mut(key) else {
        return;
    };
    if !task.updates.acknowledge(number) {
        return;
    }
    if task.updates.is_over() {
        forget(agent, key, effects);
        return;
    }
    let record = Record::Acknowledged {
        task: key.clone(),
        number,
    };
    agent.log.persist(record, Awaiting::Nothing, effects);
    send::reset_timer(agent, now, key);
    send::flush(agent, now, key, effects);
}

/// Forgets a task whose end is acknowledged, once the log says so. (That its last update is
/// acknowledged is not written: it follows.)
pub(crate) fn forget(agent: &mut Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    if let Some(task) = agent.tasks.get_mut(key) {
        task.phase = Phase::Forgetting;
    }
    agent.timers.cancel(&Timer::Resend(key.clone()));
    let record = Record::Forgotten { task: key.clone() };
    agent
        .log
        .persist(record, Awaiting::Forgotten(key.clone()), effects);
}

/// That a task is forgotten is in the log.
pub(crate) fn forgotten(agent: &mut Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    agent.tasks.remove(key);
    effects.push(Effect::Forgotten { task: key.clone() });
}
