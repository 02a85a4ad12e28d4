//! May this agent be registered with these tasks?
//!
//! Owns the rules for what an agent tells when it registers; changes nothing.

use std::collections::BTreeMap;

use stoker_types::{Resources, TaskKey, TaskState, agent::TaskSnapshot};

use super::Refusal;

/// Judges the tasks that an agent told: each once and possible, all within what it sells. Gives
/// them by key, in order.
pub(crate) fn check(
    total: &Resources,
    told: Vec<TaskSnapshot>,
) -> Result<BTreeMap<TaskKey, TaskSnapshot>, Refusal> {
    let mut tasks = BTreeMap::new();
    let mut used = Some(Resources::default());
    for snapshot in told {
        let key = TaskKey {
            framework_id: snapshot.launch.framework_id,
            task_id: snapshot.launch.task.id.clone(),
        };
        check_task(&key, &snapshot)?;
        if !snapshot.state.is_terminal() {
            used = used.and_then(|sum| sum.checked_add(&snapshot.launch.allocated));
        }
        let task = key.to_string();
        if tasks.insert(key, snapshot).is_some() {
            return Err(Refusal::ToldTwice { task });
        }
    }
    if used.as_ref().is_some_and(|used| total.contains(used)) {
        return Ok(tasks);
    }
    let used = used.map_or_else(
        || "more than can be counted, or a port twice".to_owned(),
        |used| used.to_string(),
    );
    Err(Refusal::SellsLessThanUsed {
        used,
        total: total.clone(),
    })
}

fn check_task(key: &TaskKey, snapshot: &TaskSnapshot) -> Result<(), Refusal> {
    let problem = match snapshot.state {
        TaskState::Unreachable | TaskState::Unknown => "a state that no agent can know",
        state if state.is_terminal() && snapshot.latest_number == 0 => "an end but no update",
        TaskState::Staging
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Killing
        | TaskState::Finished
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Error
        | TaskState::Dropped
        | TaskState::Gone
        | TaskState::GoneByOperator => {
            if snapshot.acknowledged_number <= snapshot.latest_number {
                return Ok(());
            }
            "more updates acknowledged than made"
        }
    };
    Err(Refusal::ToldNonsense {
        task: key.to_string(),
        problem,
    })
}
