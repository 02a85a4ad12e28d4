//! A runner, and how far it is.

use std::collections::BTreeSet;

use stoker_types::{Milli, RunnerId, TaskKey, Timestamp, runner::Tenant};

use crate::Record;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunnerState {
    /// The intention to start it is being written.
    StartPending,
    /// It is being started.
    Starting,
    /// It is being looked for: an earlier daemon started it.
    Adopting,
    /// It was found again; the events that it made until then are still coming.
    Replaying {
        pid: u32,
        /// The tasks that it held when it answered.
        held: BTreeSet<TaskKey>,
        /// When this event has come, all have.
        last_event: u64,
    },
    /// It takes tasks.
    Ready { pid: u32 },
    /// It was told to end.
    Stopping { pid: Option<u32> },
}

impl RunnerState {
    /// Its process, once it has answered.
    pub(crate) const fn pid(&self) -> Option<u32> {
        match self {
            Self::StartPending | Self::Starting | Self::Adopting => None,
            Self::Replaying { pid, .. } | Self::Ready { pid } => Some(*pid),
            Self::Stopping { pid } => *pid,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub(crate) id: RunnerId,
    pub(crate) nonce: u64,
    pub(crate) tenant: Tenant,
    pub(crate) state: RunnerState,
    /// The living tasks that it has, or that are being handed to it.
    pub(crate) tasks: BTreeSet<TaskKey>,
    /// The cpus of these together.
    pub(crate) cpus: Milli,
    /// What the governor was told of that.
    pub(crate) told_cpus: Milli,
    /// How many tasks it holds at once; as it says, once it has answered.
    pub(crate) slots: usize,
    /// Whether it ever had a task: if it did, its death is not a failed start.
    pub(crate) has_hosted: bool,
    /// Since when it has nothing to do.
    pub(crate) idle_since: Option<Timestamp>,
    /// The latest event that has come.
    pub(crate) seen_event: u64,
    /// Up to here its events are safe, and it was told so.
    ///
    /// Only an event that is in the log is ever confirmed (and with it all before): so the log
    /// never knows less than the runner has dropped, and a later daemon knows when it has heard
    /// all.
    pub(crate) confirmed_event: u64,
    /// The latest event that the log has, or will have, and the record that stems from it.
    pub(crate) logged: Option<(u64, Box<Record>)>,
}

impl Runner {
    pub(crate) const fn new(id: RunnerId, nonce: u64, tenant: Tenant, state: RunnerState) -> Self {
        Self {
            id,
            nonce,
            tenant,
            state,
            tasks: BTreeSet::new(),
            cpus: Milli::ZERO,
            told_cpus: Milli::ZERO,
            slots: usize::MAX,
            has_hosted: false,
            idle_since: None,
            seen_event: 0,
            confirmed_event: 0,
            logged: None,
        }
    }
}
