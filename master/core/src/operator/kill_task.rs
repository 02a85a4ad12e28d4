//! Kill a task, whoever's it is.

use std::time::Duration;

use stoker_types::{Reason, TaskKey};

use crate::{
    effect::{Effect, OperatorRefusal},
    scheduler,
    state::{Cluster, tasks::Kill},
};

/// Ends a task; its agent hears of it now, or when it is back.
pub(super) fn kill_task(
    cluster: &mut Cluster,
    key: &TaskKey,
    grace: Option<Duration>,
    effects: &mut Vec<Effect>,
) -> Result<(), OperatorRefusal> {
    let task = cluster.tasks.get(key);
    let state = task.map(|task| task.state);
    match state {
        None => Err(OperatorRefusal::TaskUnknown(key.clone())),
        Some(state) if state.is_terminal() => Err(OperatorRefusal::TaskEnded {
            task: key.clone(),
            state,
        }),
        Some(_) => {
            let kill = Kill {
                reason: Reason::KilledByOperator,
                grace,
            };
            scheduler::kill_task(cluster, key, kill, effects);
            Ok(())
        }
    }
}
