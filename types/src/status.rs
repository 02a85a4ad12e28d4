//! Task states, the reasons for them, and the updates that carry both: the one transition table.
//!
//! The states are Mesos' partition-aware ones; there is no LOST.

use std::{fmt, str::FromStr, time::Duration};

use crate::{AgentId, OutputFile, TaskKey, Timestamp};

/// A name that is none of the known ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}")]
pub struct UnknownName {
    /// What was expected: `task state` or `reason`.
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub text: String,
}

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name that the wire, the JSON and the CLI show.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownName {
                        kind: $kind,
                        text: other.chars().take(80).collect(),
                    }),
                }
            }
        }
    };
}

named_enum! {
    /// Where a task is in its life.
    TaskState, "task state" {
        /// The master accepted it; the agent has not answered yet.
        Staging = "TASK_STAGING",
        /// The agent fetches or compiles its module, or starts it.
        Starting = "TASK_STARTING",
        /// Its module runs.
        Running = "TASK_RUNNING",
        /// It was asked to end and still runs.
        Killing = "TASK_KILLING",
        /// It ended well: exit code 0.
        Finished = "TASK_FINISHED",
        /// It ended badly by itself: another exit code, a trap, a bound that it met.
        Failed = "TASK_FAILED",
        /// It was ended by request.
        Killed = "TASK_KILLED",
        /// Its description is wrong; the same again would fail again.
        Error = "TASK_ERROR",
        /// It never ran; the same again may well work.
        Dropped = "TASK_DROPPED",
        /// Its agent is out of reach; it may be running, and may come back.
        Unreachable = "TASK_UNREACHABLE",
        /// Its agent is there and knows nothing of it.
        Gone = "TASK_GONE",
        /// An operator says that its agent never returns.
        GoneByOperator = "TASK_GONE_BY_OPERATOR",
        /// The master knows nothing of it; only ever an answer to a reconciliation.
        Unknown = "TASK_UNKNOWN",
    }
}

impl TaskState {
    /// Whether a task in this state never changes again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Error
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator => true,
            Self::Staging
            | Self::Starting
            | Self::Running
            | Self::Killing
            | Self::Unreachable
            | Self::Unknown => false,
        }
    }

    /// Whether a task in this state may be in state `next` afterwards.
    ///
    /// Life goes forward (staging, starting, running, killing, an end) and may skip steps; a task
    /// may repeat STARTING with another reason; UNREACHABLE may follow and precede anything that
    /// is alive; an end is final. UNKNOWN is an answer, never a state that the master holds.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        if self.is_terminal() || matches!(self, Self::Unknown) {
            return false;
        }
        match (self, next) {
            (_, Self::Unknown | Self::Staging) => false,
            (Self::Starting | Self::Unreachable, Self::Starting) => true,
            (_, Self::Unreachable) => !matches!(self, Self::Unreachable),
            (Self::Staging, Self::Starting | Self::Running | Self::Killing) => true,
            (Self::Starting, Self::Running | Self::Killing) => true,
            (Self::Running, Self::Killing) => true,
            (Self::Unreachable, Self::Running | Self::Killing) => true,
            (_, end) => end.is_terminal(),
        }
    }
}

named_enum! {
    /// Why a task is in its state: a bare word beside the state.
    Reason, "reason" {
        /// STARTING: the module or an input is on its way to the agent.
        Fetching = "FETCHING",
        /// STARTING: the module is being compiled.
        Compiling = "COMPILING",
        /// FAILED: it exited with another code than 0.
        ExitCode = "EXIT_CODE",
        /// FAILED: it trapped.
        Trap = "TRAP",
        /// FAILED: its fuel budget is gone.
        FuelExhausted = "FUEL_EXHAUSTED",
        /// FAILED: it needed more memory than it has.
        MemoryLimit = "MEMORY_LIMIT",
        /// FAILED: its wall time is over.
        Deadline = "DEADLINE",
        /// FAILED: it wrote more than it may.
        OutputLimit = "OUTPUT_LIMIT",
        /// FAILED: an output that it promised is not there.
        OutputMissing = "OUTPUT_MISSING",
        /// FAILED: the blob store does not take an output; the message says why not.
        OutputRefused = "OUTPUT_REFUSED",
        /// FAILED: the runner that hosted it is gone.
        RunnerLost = "RUNNER_LOST",
        /// FAILED: it could not be started, through no fault of its own.
        LaunchFailed = "LAUNCH_FAILED",
        /// ERROR: the module is no Wasm, or of a kind that does not run.
        ModuleInvalid = "MODULE_INVALID",
        /// ERROR: the module is larger than the agent takes.
        ModuleTooLarge = "MODULE_TOO_LARGE",
        /// ERROR: the module, or a blob that the task names, does not exist.
        ModuleNotFound = "MODULE_NOT_FOUND",
        /// ERROR: the module imports what Stoker does not provide.
        ImportUnknown = "IMPORT_UNKNOWN",
        /// ERROR: compiling the module took more time or memory than it may.
        CompileLimit = "COMPILE_LIMIT",
        /// ERROR: the module's bytes are not those that the digest names.
        DigestMismatch = "DIGEST_MISMATCH",
        /// ERROR: an input, the stdin blob among them, does not exist.
        InputNotFound = "INPUT_NOT_FOUND",
        /// ERROR: an input cannot be put into the sandbox; the message says which and why.
        InputInvalid = "INPUT_INVALID",
        /// ERROR: the description breaks a rule; the message says which.
        TaskInvalid = "TASK_INVALID",
        /// KILLED: its framework asked.
        KillRequested = "KILL_REQUESTED",
        /// KILLED: an operator asked.
        KilledByOperator = "KILLED_BY_OPERATOR",
        /// KILLED: its framework was torn down or did not return in time.
        FrameworkRemoved = "FRAMEWORK_REMOVED",
        /// KILLED: its agent was told to end its tasks.
        AgentStopped = "AGENT_STOPPED",
        /// DROPPED: the offers that it was to run on are not valid (any more).
        InvalidOffers = "INVALID_OFFERS",
        /// DROPPED: what is offered does not hold what it asks for.
        InsufficientResources = "INSUFFICIENT_RESOURCES",
        /// DROPPED: its agent was not connected, or lost the launch.
        AgentDisconnected = "AGENT_DISCONNECTED",
        /// UNREACHABLE: its agent did not answer in time.
        AgentUnreachable = "AGENT_UNREACHABLE",
        /// Its agent is back; this is the state that it tells.
        AgentReregistered = "AGENT_REREGISTERED",
        /// GONE: its agent restarted without it, after the machine did.
        AgentRestarted = "AGENT_RESTARTED",
        /// GONE: its agent was removed.
        AgentRemoved = "AGENT_REMOVED",
        /// An answer to a reconciliation.
        Reconciliation = "RECONCILIATION",
    }
}

impl Reason {
    /// The state of a task that failed for this reason: ERROR where its description is wrong, so
    /// that the same again would fail again; FAILED otherwise.
    #[must_use]
    pub const fn failure_state(self) -> TaskState {
        match self {
            Self::ModuleInvalid
            | Self::ModuleTooLarge
            | Self::ModuleNotFound
            | Self::ImportUnknown
            | Self::CompileLimit
            | Self::DigestMismatch
            | Self::InputNotFound
            | Self::InputInvalid
            | Self::TaskInvalid => TaskState::Error,
            Self::Fetching
            | Self::Compiling
            | Self::ExitCode
            | Self::Trap
            | Self::FuelExhausted
            | Self::MemoryLimit
            | Self::Deadline
            | Self::OutputLimit
            | Self::OutputMissing
            | Self::OutputRefused
            | Self::RunnerLost
            | Self::LaunchFailed
            | Self::KillRequested
            | Self::KilledByOperator
            | Self::FrameworkRemoved
            | Self::AgentStopped
            | Self::InvalidOffers
            | Self::InsufficientResources
            | Self::AgentDisconnected
            | Self::AgentUnreachable
            | Self::AgentReregistered
            | Self::AgentRestarted
            | Self::AgentRemoved
            | Self::Reconciliation => TaskState::Failed,
        }
    }
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusSource {
    /// The master, of its own knowledge: sent once, not numbered, not acknowledged.
    Master,
    /// The agent that has, or had, the task: numbered, resent until acknowledged.
    Agent,
}

/// What a task has used so far. All but `mem` only ever grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fuel, in units.
    pub fuel_used: u64,
    /// CPU time that its runner used for it: its launch, its guest code, its host calls and its
    /// end, on whichever thread.
    pub cpu_time: Duration,
    /// Time in its host calls, waiting excluded.
    pub host_time: Duration,
    /// CPU time of the compilation that was made for it; not part of `cpu_time`, since it happens in
    /// a process of its own. A task that finds its module compiled has none.
    pub compile_time: Duration,
    /// The memory that it has now, in bytes; 0 after its end.
    pub mem: u64,
    /// The largest memory it had at once, in bytes.
    pub mem_peak: u64,
    /// What it wrote to files, in bytes.
    pub bytes_written: u64,
    /// What it sent out through stdout and stderr, in bytes.
    pub bytes_out: u64,
    /// Wall time since its instantiation.
    pub wall_time: Duration,
}

impl Usage {
    /// This, or `other` wherever that is more: what is known of a task when two tell of it. The
    /// memory of now is the one that `other` tells.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self {
            fuel_used: self.fuel_used.max(other.fuel_used),
            cpu_time: self.cpu_time.max(other.cpu_time),
            host_time: self.host_time.max(other.host_time),
            compile_time: self.compile_time.max(other.compile_time),
            mem: other.mem,
            mem_peak: self.mem_peak.max(other.mem_peak),
            bytes_written: self.bytes_written.max(other.bytes_written),
            bytes_out: self.bytes_out.max(other.bytes_out),
            wall_time: self.wall_time.max(other.wall_time),
        }
    }
}

/// What one task has used so far, told while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskUsage {
    /// Which task.
    pub task: TaskKey,
    /// What it has used.
    pub usage: Usage,
}

/// One step in the life of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusUpdate {
    /// Whose step.
    pub task: TaskKey,
    /// The agent that it is, or was to be, on.
    pub agent_id: Option<AgentId>,
    /// Counts the updates of a task from 1; 0 when the master made it.
    pub number: u64,
    /// The state.
    pub state: TaskState,
    /// The reason, where there is one.
    pub reason: Option<Reason>,
    /// For people: what exactly, and what to do. At most 4,096 bytes.
    pub message: String,
    /// What the guest exited with, if it did.
    pub exit_code: Option<i32>,
    /// What it used until now.
    pub usage: Usage,
    /// What it left in the blob store.
    pub outputs: Vec<OutputFile>,
    /// When this happened, by the clock of whoever made it.
    pub at: Timestamp,
}

impl StatusUpdate {
    /// Who made it.
    #[must_use]
    pub const fn source(&self) -> StatusSource {
        if self.number == 0 {
            StatusSource::Master
        } else {
            StatusSource::Agent
        }
    }

    /// Whether the framework must acknowledge it.
    #[must_use]
    pub const fn needs_acknowledgement(&self) -> bool {
        self.number != 0
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn every_name_reads_back() {
        for state in TaskState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
            assert!(state.as_str().starts_with("TASK_"));
        }
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
    }

    #[test]
    fn nothing_follows_an_end() {
        for state in TaskState::ALL.iter().filter(|state| state.is_terminal()) {
            assert!(
                TaskState::ALL.iter().all(|next| !state.may_become(*next)),
                "{state}"
            );
        }
    }

    #[test]
    fn every_living_state_can_reach_every_end() {
        let is_alive = |state: &&TaskState| !state.is_terminal() && **state != TaskState::Unknown;
        for state in TaskState::ALL.iter().filter(is_alive) {
            for end in TaskState::ALL.iter().filter(|state| state.is_terminal()) {
                assert!(state.may_become(*end), "{state} to {end}");
            }
        }
    }

    #[test]
    fn the_transition_table() {
        let mut table = String::new();
        let is_alive = |state: &&TaskState| !state.is_terminal() && **state != TaskState::Unknown;
        for from in TaskState::ALL.iter().filter(is_alive) {
            let to: Vec<&str> = TaskState::ALL
                .iter()
                .filter(|to| from.may_become(**to) && !to.is_terminal())
                .map(|to| to.as_str())
                .collect();
            writeln!(table, "{from} -> any end, {}", to.join(", ")).unwrap();
        }
        insta::assert_snapshot!(table, @r"
        TASK_STAGING -> any end, TASK_STARTING, TASK_RUNNING, TASK_KILLING, TASK_UNREACHABLE
        TASK_STARTING -> any end, TASK_STARTING, TASK_RUNNING, TASK_KILLING, TASK_UNREACHABLE
        TASK_RUNNING -> any end, TASK_KILLING, TASK_UNREACHABLE
        TASK_KILLING -> any end, TASK_UNREACHABLE
        TASK_UNREACHABLE -> any end, TASK_STARTING, TASK_RUNNING, TASK_KILLING
        ");
    }
}
