//! Message: data for the executor of a task.
//!
//! Owns the answer as long as no task has an executor: a refusal that says what does the same. The
//! task itself is not looked at, and nothing is sent on.

use stoker_types::TaskId;

use super::{Caller, refuse};
use crate::{effect::Effect, state::Cluster, validation::Refusal};

/// Refuses the message.
pub(crate) fn message(
    cluster: &mut Cluster,
    caller: &Caller,
    task_id: TaskId,
    effects: &mut Vec<Effect>,
) {
    refuse(cluster, caller, &Refusal::NoExecutor(task_id), effects);
}
