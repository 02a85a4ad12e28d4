//! All that can happen to a master, and what it finds at its start.
//!
//! Owns the closed list of inputs; never decides what follows from them.

use std::time::Duration;

use stoker_types::{
    FrameworkId, TaskKey,
    agent::{AgentCall, TransferRequest},
    scheduler::NumberedCall,
};

use crate::effect::{AgentRecord, FrameworkRecord};

/// One stream of one peer, numbered by the driver; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One request of an operator, numbered by the driver, answered by [`crate::Effect::Reply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What happens to a master.
#[derive(Clone, Debug)]
pub enum Input {
    /// The deadline that the core named is here.
    Tick,
    /// The registry holds this operation and all before it.
    Persisted {
        /// As in [`crate::Effect::Persist`].
        sequence: u64,
    },
    /// A scheduler calls. The first call of a connection is a subscription.
    Scheduler {
        /// On which stream.
        connection: ConnectionId,
        /// What it wants.
        call: NumberedCall,
    },
    /// A scheduler's call could not be read; it is refused by its number.
    SchedulerCallInvalid {
        /// On which stream.
        connection: ConnectionId,
        /// Which call.
        call_id: u64,
        /// What was wrong, and what would be right.
        message: String,
    },
    /// A scheduler's stream is over.
    SchedulerDisconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// An agent calls. The first call of a connection is a registration.
    Agent {
        /// On which stream.
        connection: ConnectionId,
        /// What it tells.
        call: AgentCall,
    },
    /// An agent's stream is over.
    AgentDisconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// An operator wants something.
    Operator {
        /// Names the reply.
        request: RequestId,
        /// What.
        command: OperatorCommand,
    },
}

/// What an operator may ask of the core. (Reading is the read model's business.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// End a task.
    KillTask {
        /// Which.
        task: TaskKey,
        /// How long it may take, if it handles that; the agent's default if absent.
        grace: Option<Duration>,
    },
    /// End a framework and its tasks; its id is never valid again.
    TeardownFramework {
        /// Which.
        framework_id: FrameworkId,
    },
    /// Have a task's agent open a transfer of something in the task's sandbox. The driver chooses
    /// the ticket and uses none twice.
    Transfer(TransferRequest),
}

/// What the registry holds when a master starts.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The agents that were ever admitted and not removed.
    pub agents: Vec<AgentRecord>,
    /// The frameworks whose ids are promised.
    pub frameworks: Vec<FrameworkRecord>,
}
