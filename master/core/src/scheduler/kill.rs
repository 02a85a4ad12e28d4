//! Kill: a task is to end.
//!
//! Owns the wish: it is kept with the task until the task has ended, and told again to an agent
//! that was away. The end itself comes as an update.

use std::time::Duration;

use stoker_types::{Reason, TaskId, TaskKey, Timestamp, agent::DEFAULT_KILL_GRACE};

use super::{Caller, reconcile, refuse};
use crate::{
    effect::Effect,
    state::{Cluster, life, tasks::Kill},
};

/// Ends one of the caller's tasks; the state of one that has ended, or is not known, is answered.
pub(crate) fn kill(
    cluster: &mut Cluster,
    now: Timestamp,
    caller: &Caller,
    (task_id, grace): (TaskId, Option<Duration>),
    effects: &mut Vec<Effect>,
) {
    let key = TaskKey {
        framework_id: caller.framework_id,
        task_id,
    };
    let task = cluster.tasks.get(&key);
    if task.is_some_and(|task| !task.state.is_terminal()) {
        let kill = Kill {
            reason: Reason::KillRequested,
            grace,
        };
        kill_task(cluster, &key, kill, effects);
    } else if let Err(refusal) = reconcile::answer(cluster, now, key, effects) {
        refuse(cluster, caller, &refusal, effects);
    }
}

/// Ends a task that has not ended; its agent hears of it now, or when it is back.
pub(crate) fn kill_task(
    cluster: &mut Cluster,
    key: &TaskKey,
    wanted: Kill,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = cluster.tasks.get_mut(key) else {
        return;
    };
    // The first who asks gives the reason; who asks again has it told again, with a grace that can
    // only become shorter.
    let kill = task.kill.get_or_insert(wanted);
    let shorter = |kill: &Kill| kill.grace.unwrap_or(DEFAULT_KILL_GRACE);
    if shorter(&wanted) < shorter(kill) {
        kill.grace = wanted.grace;
    }
    let event = kill.event(key.clone());
    let agent_id = task.agent_id;
    life::tell_agent(cluster, agent_id, event, effects);
}
