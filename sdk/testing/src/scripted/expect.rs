//! What a test expects of a scheduler: its calls, one after the other.

use std::time::Duration;

use stoker_sdk_scheduler::{Ending, Scheduler};
use stoker_types::{
    OfferId, Role, TaskId, TaskInfo,
    scheduler::{Call, NumberedCall, Operation},
};

use super::ScriptedMaster;

/// A launch that a scheduler asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The number of the call, for [`ScriptedMaster::refuse`].
    pub call_id: u64,
    /// On which offers.
    pub offer_ids: Vec<OfferId>,
    /// What.
    pub tasks: Vec<TaskInfo>,
    /// How long the rest is not to be offered again.
    pub refuse: Duration,
}

/// Expectations. Each looks at the next call that was not looked at yet.
impl<S: Scheduler> ScriptedMaster<S> {
    /// The next call, which must be a launch.
    ///
    /// # Panics
    /// If it is another, or there is none.
    pub fn expect_launch(&mut self) -> Launch {
        let call = self.expect_call("a launch");
        match call.call {
            Call::Accept {
                offer_ids,
                operations,
                filter,
            } => Launch {
                call_id: call.call_id,
                offer_ids,
                tasks: operations
                    .into_iter()
                    .flat_map(|Operation::Launch { tasks }| tasks)
                    .collect(),
                refuse: filter.refuse,
            },
            other => self.unexpected("a launch", &other),
        }
    }

    /// The next call, which must decline offers: which, and for how long.
    ///
    /// # Panics
    /// If it is another, or there is none.
    pub fn expect_decline(&mut self) -> (Vec<OfferId>, Duration) {
        match self.expect_call("a decline").call {
            Call::Decline { offer_ids, filter } => (offer_ids, filter.refuse),
            other => self.unexpected("a decline", &other),
        }
    }

    /// The next call, which must be a kill: of which task.
    ///
    /// # Panics
    /// If it is another, or there is none.
    pub fn expect_kill(&mut self) -> TaskId {
        match self.expect_call("a kill").call {
            Call::Kill { task_id, .. } => task_id,
            other => self.unexpected("a kill", &other),
        }
    }

    /// The next call, which must suppress offers: in which roles (none means all).
    ///
    /// # Panics
    /// If it is another, or there is none.
    pub fn expect_suppress(&mut self) -> Vec<Role> {
        match self.expect_call("a suppress").call {
            Call::Suppress { roles } => roles,
            other => self.unexpected("a suppress", &other),
        }
    }

    /// The next call, which must revive offers: in which roles (none means all).
    ///
    /// # Panics
    /// If it is another, or there is none.
    pub fn expect_revive(&mut self) -> Vec<Role> {
        match self.expect_call("a revive").call {
            Call::Revive { roles } => roles,
            other => self.unexpected("a revive", &other),
        }
    }

    /// The next call, which must be a message to an executor: its number, for
    /// [`ScriptedMaster::refuse`], to which task, and the data.
    ///
    /// # Panics
    /// If it is another, or there is none.
    pub fn expect_message(&mut self) -> (u64, TaskId, Vec<u8>) {
        let call = self.expect_call("a message");
        match call.call {
            Call::Message { task_id, data, .. } => (call.call_id, task_id, data),
            other => self.unexpected("a message", &other),
        }
    }

    /// That nothing was called but what was expected before.
    ///
    /// # Panics
    /// If there was.
    pub fn expect_nothing(&self) {
        assert!(self.calls.is_empty(), "unexpected: {:?}", self.calls);
    }

    /// That the scheduler has stopped of its own will, and called nothing else.
    ///
    /// # Panics
    /// If it runs, was ended, or called something that was not expected.
    pub fn expect_stopped(&self) {
        assert_eq!(self.ending, Some(Ending::Stopped), "it has not stopped");
        self.expect_nothing();
    }

    /// The next call, whatever it is; `what` was expected.
    ///
    /// # Panics
    /// If there is none.
    pub fn expect_call(&mut self, what: &str) -> NumberedCall {
        self.calls
            .pop_front()
            .unwrap_or_else(|| panic!("expected {what}, but there is no call"))
    }

    fn unexpected(&self, what: &str, call: &Call) -> ! {
        panic!("expected {what}, but got {call:?}; then {:?}", self.calls)
    }
}
