//! The life of a task: what each step does to the ledger, to the tables and to what readers see.
//!
//! Owns the steps. Who causes one, and who is told, is decided by the verbs.

use stoker_types::{
    AgentId, FrameworkId, Reason, StatusUpdate, TaskKey, TaskState, Timestamp, Usage,
    agent::AgentEvent, scheduler::Event,
};

use super::{Cluster, forget, frameworks::FrameworkPhase, ledger, tasks::Task};
use crate::effect::Effect;

/// A task is there: accepted, or told by its agent.
pub(crate) fn begin(cluster: &mut Cluster, task: Task) {
    if task.holds_resources() {
        ledger::use_resources(cluster, &task.tenant(), task.agent_id, &task.allocated);
    }
    if let Some(framework) = cluster.frameworks.get_mut(task.key.framework_id) {
        framework.tasks.insert(task.key.task_id.clone());
    }
    if let Some(agent) = cluster.agents.get_mut(task.agent_id) {
        agent.tasks.insert(task.key.clone());
    }
    cluster.changes.task(task.key.clone());
    cluster.tasks.insert(task);
}

/// A task is in another state, for this reason. Resources are free as soon as its end is seen.
pub(crate) fn step(
    cluster: &mut Cluster,
    key: &TaskKey,
    state: TaskState,
    reason: Option<Reason>,
    at: Timestamp,
) {
    let Some(task) = cluster.tasks.get_mut(key) else {
        return;
    };
    let held = task.holds_resources();
    task.reason = reason;
    if state == TaskState::Running && task.started_at.is_none() {
        task.started_at = Some(at);
    }
    if state.is_terminal() {
        task.ended_at = Some(at);
        task.usage.mem = 0;
        task.kill = None;
    }
    let (tenant, agent_id, allocated) = (task.tenant(), task.agent_id, task.allocated.clone());
    cluster.tasks.set_state(key, state);
    let holds = cluster.tasks.get(key).is_some_and(Task::holds_resources);
    match (held, holds) {
        (true, false) => ledger::give_back(cluster, &tenant, agent_id, &allocated),
        (false, true) => ledger::use_resources(cluster, &tenant, agent_id, &allocated),
        (true, true) | (false, false) => {}
    }
    cluster.changes.task(key.clone());
}

/// A task has ended and nobody waits for an acknowledgement: it is only shown from now on, and
/// its id is used up.
pub(crate) fn conclude(cluster: &mut Cluster, key: &TaskKey) {
    let Some(task) = cluster.tasks.get(key) else {
        return;
    };
    if let Some(agent) = cluster.agents.get_mut(task.agent_id) {
        agent.tasks.remove(key);
    }
    cluster.tasks.set_over(key);
    let Some(framework) = cluster.frameworks.get_mut(key.framework_id) else {
        return;
    };
    framework.tasks.remove(&key.task_id);
    framework.ended_task_ids.insert(key.task_id.clone());
    framework.ended_tasks.push_back(key.task_id.clone());
    let is_completed = framework.phase == FrameworkPhase::Completed;
    forget::ended_tasks(cluster, key.framework_id);
    if is_completed {
        forget::completed_frameworks(cluster);
    }
}

/// The updates of a task up to `number` have been taken care of: its agent hears of it, now or
/// when it registers again. With the end acknowledged, the task is over.
pub(crate) fn acknowledge(
    cluster: &mut Cluster,
    key: &TaskKey,
    number: u64,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = cluster.tasks.get_mut(key) else {
        return;
    };
    if number > task.acknowledged_number {
        task.acknowledged_number = number;
        task.seen_numbers.retain(|seen| *seen > number);
    }
    let (agent_id, is_settled) = (
        task.agent_id,
        task.acknowledged_number >= task.latest_number,
    );
    let has_ended = task.state.is_terminal();
    let event = AgentEvent::Acknowledge {
        task: key.clone(),
        number,
    };
    tell_agent(cluster, agent_id, event, effects);
    if has_ended && is_settled {
        conclude(cluster, key);
    }
}

/// Sends an event to an agent that is registered and there; says whether it is.
pub(crate) fn tell_agent(
    cluster: &Cluster,
    agent_id: AgentId,
    event: AgentEvent,
    effects: &mut Vec<Effect>,
) -> bool {
    let listener = cluster
        .agents
        .get(agent_id)
        .and_then(|agent| agent.listener());
    if let Some(connection) = listener {
        effects.push(Effect::ToAgent { connection, event });
    }
    listener.is_some()
}

/// Sends an event to a framework whose scheduler is there; to others nothing is queued.
pub(crate) fn tell_scheduler(
    cluster: &Cluster,
    framework_id: FrameworkId,
    event: Event,
    effects: &mut Vec<Effect>,
) {
    let framework = cluster.frameworks.get(framework_id);
    if let Some(connection) = framework.and_then(|framework| framework.listener()) {
        effects.push(Effect::ToScheduler { connection, event });
    }
}

/// What the master says of a task of its own knowledge: not numbered, not to be acknowledged.
pub(crate) fn masters_update(
    key: TaskKey,
    agent_id: Option<AgentId>,
    (state, reason): (TaskState, Reason),
    message: &str,
    now: Timestamp,
) -> StatusUpdate {
    StatusUpdate {
        task: key,
        agent_id,
        number: 0,
        state,
        reason: Some(reason),
        message: message.to_owned(),
        exit_code: None,
        usage: Usage::default(),
        outputs: Vec::new(),
        at: now,
    }
}
