//! An update is in the log: it may leave, and the runner event that it stems from is safe.

use stoker_types::{RunnerId, TaskKey, Timestamp};

use super::send;
use crate::{Agent, Effect, runners};

pub(crate) fn written(
    agent: &mut Agent,
    now: Timestamp,
    (key, number): (&TaskKey, u64),
    runner_event: Option<(RunnerId, u64)>,
    effects: &mut Vec<Effect>,
) {
    if let Some((runner_id, event)) = runner_event {
        runners::event::confirm(agent, runner_id, event, effects);
    }
    if let Some(task) = agent.tasks.get_mut(key)
        && task.updates.mark_written(number)
    {
        send::flush(agent, now, key, effects);
    }
}
