//! The master launches a task here: it is judged, charged and written, or refused with an update.

use stoker_types::{Reason, TaskKey, TaskState, Timestamp, agent::Launch};

use crate::{
    Agent, Effect, Record, runners, session,
    state::{Awaiting, Phase, Task},
    updates::make::{Step, make},
};

/// Takes a task on. One that is known already is not launched again.
pub(crate) fn admit(
    agent: &mut Agent,
    now: Timestamp,
    launch: Box<Launch>,
    effects: &mut Vec<Effect>,
) {
    let mut task = Task::new(launch);
    let key = task.key();
    if agent.tasks.get(&key).is_some() {
        tracing::warn!(
            framework_id = %key.framework_id, task_id = %key.task_id,
            "the master launched a task that is here already; ignored"
        );
        return;
    }
    if agent.tasks.len() >= agent.config.limits.tasks.saturating_mul(2) {
        tracing::error!("the master launches more tasks than it acknowledges; leaving it");
        session::connection::leave(agent, effects);
        return;
    }
    let refusal = judge(agent, &task.launch);
    let record = Record::Launched(task.launch.clone());
    agent
        .log
        .persist(record, Awaiting::Launched(key.clone()), effects);
    if let Some(refusal) = refusal {
        task.phase = Phase::Ended;
        agent.tasks.insert(task);
        make(agent, now, &key, refusal, effects);
        return;
    }
    task.is_charged = agent.ledger.take(&task.launch.allocated);
    debug_assert!(task.is_charged, "judged and not charged");
    runners::tenant::joined(agent, &task.tenant());
    agent.tasks.insert(task);
}

/// The last update of a task that does not run here, if it does not.
fn judge(agent: &Agent, launch: &Launch) -> Option<Step> {
    let dropped = |reason, message: String| Step::new(TaskState::Dropped, reason, message);
    let live_tasks = agent.runners.live_tasks();
    let limit = agent.config.limits.tasks;
    if agent.removed_frameworks.contains(launch.framework_id) {
        let message = "its framework is shut down on this agent";
        return Some(Step::new(
            TaskState::Killed,
            Reason::FrameworkRemoved,
            message,
        ));
    }
    if agent.stop.is_some() {
        let message = "the agent is stopping".to_owned();
        return Some(dropped(Reason::AgentDisconnected, message));
    }
    if live_tasks >= limit {
        let message = format!("the agent has as many tasks as it takes: {limit}");
        return Some(dropped(Reason::InsufficientResources, message));
    }
    let left = agent.ledger.left();
    if !left.contains(&launch.allocated) {
        let message = format!("it takes {}; the agent has {left} left", launch.allocated);
        return Some(dropped(Reason::InsufficientResources, message));
    }
    None
}

/// A task's launch is in the log: it is prepared, unless it is over already.
pub(crate) fn written(agent: &mut Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    let Some(task) = agent.tasks.get_mut(key) else {
        return;
    };
    task.is_written = true;
    if task.phase == Phase::Admitting {
        super::prepare::begin(agent, key, effects);
    }
}
