//! Reconcile: a scheduler asks what the master knows of its tasks.
//!
//! | condition, the first that matches | answer |
//! | --- | --- |
//! | the master knows the task, also one that is over and still shown | its state |
//! | an agent of the registry has not told its tasks yet | none: ask again |
//! | otherwise | `TASK_UNKNOWN` |
//!
//! Without names: one answer for each task of the framework that is not over. Answers are the
//! master's own updates, with reason `RECONCILIATION` and without message; they are not
//! acknowledged.
//!
//! Owns that table. Changes nothing.

use stoker_types::{Reason, TaskId, TaskKey, TaskState, Timestamp, scheduler::Event};

use super::{Caller, refuse};
use crate::{
    effect::Effect,
    state::{Cluster, life},
    validation::Refusal,
};

/// Answers for the tasks that are named, or for all of the caller's if none is.
pub(crate) fn reconcile(
    cluster: &mut Cluster,
    now: Timestamp,
    caller: &Caller,
    named: Vec<TaskId>,
    effects: &mut Vec<Effect>,
) {
    let limit = cluster.config.limits.tasks_per_framework;
    if named.len() > limit {
        let name = "tasks_per_framework";
        let refusal = Refusal::LimitReached { name, limit };
        refuse(cluster, caller, &refusal, effects);
        return;
    }
    let task_ids = if named.is_empty() {
        let framework = cluster.frameworks.get(caller.framework_id);
        framework.map_or_else(Vec::new, |framework| {
            framework.tasks.iter().cloned().collect()
        })
    } else {
        named
    };
    let are_awaited = cluster.agents.are_awaited();
    for task_id in task_ids {
        let key = TaskKey {
            framework_id: caller.framework_id,
            task_id,
        };
        if are_awaited && cluster.tasks.get(&key).is_none() {
            continue;
        }
        tell_state(cluster, now, key, effects);
    }
}

/// Answers for one task, unless the answer is not known yet.
pub(super) fn answer(
    cluster: &Cluster,
    now: Timestamp,
    key: TaskKey,
    effects: &mut Vec<Effect>,
) -> Result<(), Refusal> {
    if cluster.tasks.get(&key).is_none() && cluster.agents.are_awaited() {
        return Err(Refusal::TaskUnknownYet {
            task_id: key.task_id,
        });
    }
    tell_state(cluster, now, key, effects);
    Ok(())
}

fn tell_state(cluster: &Cluster, now: Timestamp, key: TaskKey, effects: &mut Vec<Effect>) {
    let framework_id = key.framework_id;
    let task = cluster.tasks.get(&key);
    let agent_id = task.map(|task| task.agent_id);
    let state = task.map_or(TaskState::Unknown, |task| task.state);
    let status = (state, Reason::Reconciliation);
    let mut update = life::masters_update(key, agent_id, status, "", now);
    if let Some(task) = task {
        update.exit_code = task.exit_code;
        update.usage = task.usage;
    }
    life::tell_scheduler(cluster, framework_id, Event::Update(update), effects);
}
