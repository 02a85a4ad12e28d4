//! All that can happen to an agent, and what it finds in its checkpoint log at its start.
//!
//! Owns the closed list of inputs; never decides what follows from them.

use std::time::Duration;

use stoker_types::{
    AgentId, Epoch, OutputFile, Reason, RunnerId, StatusUpdate, TaskKey, TaskUsage, Usage,
    agent::{AgentEvent, Launch},
    runner::{CompiledKey, NumberedEvent, Tenant, Welcome},
};

use crate::Record;

/// One stream to a master, numbered by the driver; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What happens to an agent.
#[derive(Clone, Debug)]
pub enum Input {
    /// The deadline that the core named is here.
    Tick,
    /// The checkpoint log holds this record, in its class, and all before it.
    Persisted {
        /// As in [`crate::Effect::Persist`].
        sequence: u64,
    },
    /// The checkpoint log holds this record and all before it as far as `write(2)` goes: those that
    /// only have to be written need wait no longer. A driver may leave this out, and only say when
    /// all are in their class.
    Written {
        /// As in [`crate::Effect::Persist`].
        sequence: u64,
    },
    /// A stream to a master is open.
    Connected {
        /// Which.
        connection: ConnectionId,
    },
    /// The stream is over; the driver dials again.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// The master speaks.
    Master {
        /// On which stream.
        connection: ConnectionId,
        /// In which term.
        epoch: Epoch,
        /// What.
        event: AgentEvent,
    },
    /// The preparation of a task has reached a phase that takes time.
    Preparing {
        /// Which task's.
        task: TaskKey,
        /// Which phase.
        phase: PreparePhase,
    },
    /// The preparation of a task is over.
    Prepared {
        /// Which task's.
        task: TaskKey,
        /// What came of it.
        result: Result<Prepared, PrepareFailure>,
        /// The CPU time of the compilation that was made for it; zero where its module was compiled
        /// already, or for another task.
        compile_time: Duration,
    },
    /// The upload of a task's outputs is over.
    OutputsUploaded {
        /// Which task's.
        task: TaskKey,
        /// All of them, or why there is one too few.
        result: Result<Vec<OutputFile>, UploadFailure>,
    },
    /// A runner answered: one that was started, or one that was found again. Once per runner and
    /// daemon: the driver ends a runner whose connection breaks, and tells that it is lost.
    RunnerReady {
        /// What it says of itself.
        welcome: Welcome,
    },
    /// A runner tells something.
    Runner {
        /// Which.
        runner_id: RunnerId,
        /// What.
        event: NumberedEvent,
    },
    /// A runner tells what some of its tasks have used so far.
    Usages {
        /// Which.
        runner_id: RunnerId,
        /// At most 1,000.
        usages: Vec<TaskUsage>,
    },
    /// A runner is gone, could not be started, or could not be found again. All that it told comes
    /// before this.
    RunnerLost {
        /// Which.
        runner_id: RunnerId,
        /// For people: how it ended.
        message: String,
    },
    /// The daemon is told to stop.
    Stop {
        /// Whether its tasks are to end with it.
        kill_tasks: bool,
    },
}

/// A phase of a task's preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreparePhase {
    /// Its module or its stdin is being fetched.
    Fetching,
    /// Its module is being compiled.
    Compiling,
}

/// A task that can be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its compiled module.
    pub module: CompiledKey,
    /// The file that holds its standard input, if it has one: an absolute path.
    pub stdin: Option<String>,
}

/// Why a task cannot be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareFailure {
    /// `MODULE_INVALID`, `IMPORT_UNKNOWN`, `DIGEST_MISMATCH`, `COMPILE_LIMIT`, …
    pub reason: Reason,
    /// For people: what exactly, and what to do.
    pub message: String,
}

/// Why a task's outputs are not in the blob store, and never will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadFailure {
    /// `OUTPUT_MISSING` or `OUTPUT_REFUSED`.
    pub reason: Reason,
    /// For people: which output, and why.
    pub message: String,
}

/// What the checkpoint log holds when a daemon starts.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The agent's id; a new data directory gets a new one from the driver's generator.
    pub agent_id: AgentId,
    /// Whether the machine was booted since the log was last written: no runner can have survived.
    pub machine_was_booted: bool,
    /// The tasks that are not forgotten.
    pub tasks: Vec<RecoveredTask>,
    /// The runners that had not ended.
    pub runners: Vec<RecoveredRunner>,
}

/// A task in the checkpoint log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredTask {
    /// Its launch.
    pub launch: Launch,
    /// The runner that it was handed to, if it was.
    pub runner_id: Option<RunnerId>,
    /// Why it was asked to end, and how long it may take, if it was.
    pub kill: Option<(Reason, Duration)>,
    /// What it used, where it has exited with 0 and only its outputs were to be uploaded.
    pub outputs_pending: Option<Usage>,
    /// Its updates that are not acknowledged, in order.
    pub unacknowledged: Vec<StatusUpdate>,
    /// All updates up to this number are acknowledged.
    pub acknowledged_number: u64,
    /// Its latest update, acknowledged or not.
    pub latest: Option<StatusUpdate>,
}

/// A runner in the checkpoint log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredRunner {
    /// Its id.
    pub id: RunnerId,
    /// What it was told at its start, and must be told to be adopted.
    pub nonce: u64,
    /// Its tenant.
    pub tenant: Tenant,
    /// All its events up to this number are in the log, or left nothing to write.
    pub confirmed_event: u64,
    /// The record that stems from that event, so that a snapshot can say its number again.
    pub confirmed_record: Option<Box<Record>>,
}
