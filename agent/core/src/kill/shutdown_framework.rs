//! A framework is over: all its tasks here end, and no later one runs.

use stoker_types::{FrameworkId, Reason, Timestamp, agent::DEFAULT_KILL_GRACE};

use super::kill_task::kill_task;
use crate::{Agent, Effect, runners, updates::send};

/// Ends all tasks of a framework. Their updates are told once: nobody acknowledges them any more.
pub(crate) fn shutdown_framework(
    agent: &mut Agent,
    now: Timestamp,
    framework_id: FrameworkId,
    effects: &mut Vec<Effect>,
) {
    let limit = agent.config.limits.removed_frameworks;
    agent.removed_frameworks.insert(framework_id, limit);
    for key in agent.tasks.keys_of(framework_id) {
        let kill = (Reason::FrameworkRemoved, DEFAULT_KILL_GRACE);
        kill_task(agent, now, &key, kill, effects);
        send::flush(agent, now, &key, effects);
    }
    runners::idle::stop_idle_of(agent, framework_id, effects);
}
