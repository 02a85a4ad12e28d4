//! What agents and the master say to each other: calls to the master, events from it.

use std::time::Duration;

use crate::{
    AgentId, Attributes, Epoch, FrameworkId, Hardening, Reason, Resources, Role, RunnerId,
    SandboxPath, StatusUpdate, TaskInfo, TaskKey, TaskState, TaskUsage, Usage,
};

/// An agent as it introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentInfo {
    /// Its id: made by the agent at its first start, kept in its data directory.
    pub id: AgentId,
    /// Its host's name.
    pub hostname: String,
    /// What it sells.
    pub resources: Resources,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// The version of its program.
    pub version: String,
    /// The address of its health and metrics page, for people.
    pub url: String,
    /// How well its kernel confines its runners.
    pub hardening: Hardening,
}

/// A task that the master sends to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// In which role.
    pub role: Role,
    /// What to run.
    pub task: TaskInfo,
    /// What the master charges for it: what it asked for, and its share of fuel if it named none.
    pub allocated: Resources,
}

/// A task as an agent knows it, told at (re-)registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSnapshot {
    /// Its launch.
    pub launch: Launch,
    /// The state of its latest update.
    pub state: TaskState,
    /// The reason of its latest update.
    pub reason: Option<Reason>,
    /// The number of its latest update; 0 if it has made none.
    pub latest_number: u64,
    /// All updates up to this number are acknowledged.
    pub acknowledged_number: u64,
    /// What it has used.
    pub usage: Usage,
}

/// A runner process, for the operator's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerInfo {
    /// Its id.
    pub id: RunnerId,
    /// Its process.
    pub pid: u32,
    /// Its tenant's framework.
    pub framework_id: FrameworkId,
    /// Its tenant's role.
    pub role: Role,
    /// How many tasks it hosts.
    pub tasks: u32,
}

/// What an agent tells the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentCall {
    /// The first call on a stream. The agent counts as registering until the last snapshot.
    Register {
        /// Who this is.
        agent: AgentInfo,
        /// Differs after each boot of the machine: where it does, no task can have survived.
        boot_id: String,
    },
    /// Some of the tasks that the agent has.
    Snapshot {
        /// At most 1,000.
        tasks: Vec<TaskSnapshot>,
        /// Whether these are the last ones.
        last: bool,
    },
    /// A task went a step further.
    Update(StatusUpdate),
    /// Answers a ping.
    Pong,
    /// All runners, whenever they change.
    Runners(Vec<RunnerInfo>),
    /// The agent stops for good and has no task left.
    Unregister,
    /// What tasks have used that run: at most 1,000 of them, once a second. Not acknowledged and not
    /// sent again; the next one tells more, and a task's last update tells all.
    Usages(Vec<TaskUsage>),
}

/// How long a task may take to end after it was told to, unless whoever ends it says otherwise. One
/// whose module exports no `stoker_stop` is ended at once.
pub const DEFAULT_KILL_GRACE: Duration = Duration::from_secs(5);

/// What the master tells an agent. Each batch carries the [`Epoch`] of its master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// The agent is admitted and counts as registered.
    Registered {
        /// The agent's id, as a check.
        agent_id: AgentId,
        /// The term of the master that admitted it.
        epoch: Epoch,
    },
    /// Run a task.
    Launch(Box<Launch>),
    /// End a task.
    Kill {
        /// Which.
        task: TaskKey,
        /// What its last update shall say: `KILL_REQUESTED`, `KILLED_BY_OPERATOR`, …
        reason: Reason,
        /// How long it may take if its module exports `stoker_stop`; [`DEFAULT_KILL_GRACE`] if
        /// absent. Told again, the shorter one counts.
        grace: Option<Duration>,
    },
    /// End all tasks of a framework, now and whenever one turns up.
    ShutdownFramework {
        /// Whose.
        framework_id: FrameworkId,
    },
    /// The framework has taken care of a task's updates up to this number.
    Acknowledge {
        /// Which task's.
        task: TaskKey,
        /// The number.
        number: u64,
    },
    /// Send updates that are not acknowledged again, now: their scheduler is back.
    ResendUpdates {
        /// Whose.
        framework_id: FrameworkId,
    },
    /// Open a transfer stream with this ticket and send what it asks for.
    Transfer(TransferRequest),
    /// Answer with a pong.
    Ping,
    /// The agent is not welcome: it ends its tasks and itself, unless `retry`.
    Refused {
        /// Why, and what to do.
        message: String,
        /// Whether it may try again.
        retry: bool,
    },
}

/// Which of a task's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A reader's wish for something of a task's sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    /// Names the transfer on the stream that the agent opens.
    pub ticket: u64,
    /// Which task's.
    pub task: TaskKey,
    /// What of it.
    pub wanted: Wanted,
}

/// What a reader wants of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What the task prints.
    Output {
        /// Which stream.
        stream: OutputStream,
        /// The first byte wanted.
        offset: u64,
        /// Whether to go on until the task has ended.
        follow: bool,
    },
    /// Which files there are.
    Listing {
        /// Of which folder; a file is listed alone.
        path: SandboxPath,
        /// Whether the folders in it are listed as well.
        recursive: bool,
    },
    /// A file; a folder is sent as a tar of it.
    File {
        /// Which.
        path: SandboxPath,
        /// The first byte wanted; zero for a folder.
        offset: u64,
    },
}
