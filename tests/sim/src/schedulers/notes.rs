//! What a scheduler writes down, and finds again after its own death.
//!
//! Owns what must be durable before a callback returns: the framework's id, the tasks that were
//! launched and have not ended, and what was achieved.

use std::collections::BTreeSet;

use stoker_sdk_scheduler::{FrameworkId, TaskId};

/// The notes of one framework's scheduler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) framework_id: Option<FrameworkId>,
    /// Launched, and not heard to have ended.
    pub(crate) open: BTreeSet<TaskId>,
    /// Given up, because nobody knew them: should one turn up, it is one too many.
    pub(crate) given_up: BTreeSet<TaskId>,
    /// How many have done what was wanted of them.
    pub(crate) done: u32,
}

impl Notes {
    /// What remains when the framework is over and another one takes its place.
    pub(crate) fn of_a_new_framework(&self) -> Self {
        Self {
            done: self.done,
            ..Self::default()
        }
    }
}
