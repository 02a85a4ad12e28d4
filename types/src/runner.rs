//! What an agent's daemon and its runners say to each other: orders to a runner, events from it.
//!
//! A runner keeps each event until the daemon confirms its number, so a new daemon misses nothing.

use std::time::Duration;

use crate::{
    Digest, FrameworkId, Reason, Role, RunnerId, TaskInfo, TaskKey, UnknownImports, Usage,
    agent::OutputStream,
};

/// Who a runner works for: the unit of isolation and of fair time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant {
    /// The framework.
    pub framework_id: FrameworkId,
    /// The role.
    pub role: Role,
}

/// Names a compiled module within an agent: what it was compiled from, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompiledKey {
    /// The digest of the Wasm.
    pub wasm: Digest,
    /// Whether unknown imports trap instead of refusing the module.
    pub traps_unknown_imports: bool,
}

impl CompiledKey {
    /// The key of a module compiled for a task that treats unknown imports so.
    #[must_use]
    pub const fn new(wasm: Digest, unknown_imports: UnknownImports) -> Self {
        Self {
            wasm,
            traps_unknown_imports: matches!(unknown_imports, UnknownImports::Trap),
        }
    }
}

/// The first frame that a daemon sends over a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Whom the daemon expects.
    pub runner_id: RunnerId,
    /// What the runner was given at its start: a stranger does not know it.
    pub nonce: u64,
    /// [`PROTOCOL_VERSION`] of the daemon.
    pub protocol_version: u32,
    /// All events up to this number are safe with the daemon; 0 for none.
    pub confirmed_event: u64,
}

/// The runner's answer: who it is and what it holds. All unconfirmed events follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Its id.
    pub runner_id: RunnerId,
    /// Its process.
    pub pid: u32,
    /// [`PROTOCOL_VERSION`] of the runner.
    pub protocol_version: u32,
    /// The tasks that it holds: launched and not yet ended.
    pub tasks: Vec<TaskKey>,
    /// The number of its latest event; 0 if it has made none. Unconfirmed events follow this
    /// frame, in order: when this one has come, a task that is neither in `tasks` nor told to
    /// have ended never reached this runner.
    pub last_event: u64,
    /// How many tasks it holds at once; at least 1.
    pub slots: u32,
}

/// The most slots that a runner takes: the kernel ends a process near 11,000 guests, because each
/// has up to 6 mappings and a process 65,530.
pub const MOST_SLOTS: u32 = 8000;

/// The version of the frames between daemon and runner; both sides refuse another.
pub const PROTOCOL_VERSION: u32 = 2;

/// What a daemon may ask of a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Map compiled code; its file descriptor travels beside this frame (`SCM_RIGHTS`).
    Module {
        /// Its name in later launches.
        key: CompiledKey,
    },
    /// Run a task of a module that is mapped already; the descriptor of its standard input travels
    /// beside this frame.
    Launch(Box<RunnerLaunch>),
    /// End a task.
    Kill {
        /// Which.
        task: TaskKey,
        /// How long it may take if its module exports `stoker_stop`; told again, the earlier end
        /// counts.
        grace: Duration,
    },
    /// Events up to this number are safe and need not be kept.
    Confirm {
        /// The number.
        event: u64,
    },
    /// End all tasks and the process.
    Shutdown,
    /// Use no more CPU time than this, from now on and until another budget comes. A runner that
    /// was never told has no bound.
    Budget(Budget),
}

/// The CPU time that all threads of a runner may use together in each [`BUDGET_WINDOW`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// As long as the connection lasts; no bound if absent.
    pub cpu: Option<Duration>,
    /// From the end of the connection on, until another daemon says otherwise: what the runner is
    /// guaranteed, because nobody can lend it more, or take that back. No bound if absent.
    pub alone: Option<Duration>,
    /// Where this runner's windows begin, after those of the machine: whole multiples of
    /// [`BUDGET_WINDOW`] of `CLOCK_MONOTONIC`. Less than a window. Runners that take turns leave no
    /// core idle, and do not crowd out those that need one all the time.
    pub offset: Duration,
}

/// The folder in a task's sandbox that is the guest's `.`, if it has a disk.
pub const WORK_FOLDER: &str = "work";
/// The folder in a task's sandbox that holds its read-only inputs: the guest finds each folder in
/// it beside its `.`, and can only read there.
pub const READ_ONLY_FOLDER: &str = "inputs";

/// The file in a task's sandbox that holds a stream from its byte `begin` on: `stdout`, or
/// `stdout.8388608` of a log that rotates. Each ends where the next one begins.
#[must_use]
pub fn output_file(stream: OutputStream, begin: u64) -> String {
    let name = output_name(stream);
    match begin {
        0 => name.to_owned(),
        begin => format!("{name}.{begin}"),
    }
}

/// Where a file of that name begins, if it is one of this stream.
#[must_use]
pub fn output_begin(stream: OutputStream, file: &str) -> Option<u64> {
    let begin = match file.strip_prefix(output_name(stream))? {
        "" => 0,
        rest => rest.strip_prefix('.')?.parse().ok()?,
    };
    // No other spelling of the number is one of ours.
    (output_file(stream, begin) == file).then_some(begin)
}

const fn output_name(stream: OutputStream) -> &'static str {
    match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    }
}

/// A task as its runner needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerLaunch {
    /// Its key in the cluster.
    pub key: TaskKey,
    /// Its module.
    pub module: CompiledKey,
    /// What to run.
    pub task: TaskInfo,
    /// Where its sandbox may be made: an absolute path that only this task has.
    pub sandbox: String,
    /// Whether it has a standard input: its file's descriptor travels beside this frame.
    pub has_stdin: bool,
    /// The variables that Stoker sets for it.
    pub environment: Vec<crate::EnvironmentVariable>,
}

/// An event and its number, counted from 1 by each runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedEvent {
    /// The number.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// What a runner tells its daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The task's module runs.
    Started {
        /// Which task.
        task: TaskKey,
    },
    /// The task is over, and its output is on disk.
    Ended {
        /// Which task.
        task: TaskKey,
        /// How.
        outcome: Outcome,
        /// What it used.
        usage: Usage,
    },
}

/// How busy a runner is: told beside its events when it changes, and first of all on each
/// connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// The time that `used` and `wanted` are of: about [`LOAD_INTERVAL`].
    pub interval: Duration,
    /// The CPU time that all its threads used.
    pub used: Duration,
    /// The CPU time that they would have used without a budget and without other processes. At most
    /// what its workers can.
    pub wanted: Duration,
    /// The CPU time that all its threads used since it began.
    pub used_in_all: Duration,
    /// The windows since it began in which its workers had to pause for its budget.
    pub throttled_windows: u64,
}

/// What a runner's budget is for.
pub const BUDGET_WINDOW: Duration = Duration::from_millis(50);

/// A runner tells its load no more often than this.
pub const LOAD_INTERVAL: Duration = Duration::from_millis(25);

/// A runner tells what its tasks have used no more often than this; so does an agent.
pub const USAGE_INTERVAL: Duration = Duration::from_secs(1);

/// How a task ended, as its runner saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned from `_start` (0) or called `proc_exit`.
    Exited {
        /// The code.
        code: i32,
    },
    /// A bound, a trap or a wrong module ended it.
    Failed {
        /// `TRAP`, `FUEL_EXHAUSTED`, `MEMORY_LIMIT`, `DEADLINE`, `OUTPUT_LIMIT`, `MODULE_INVALID`,
        /// `LAUNCH_FAILED`, …
        reason: Reason,
        /// For people: what exactly.
        message: String,
    },
    /// It was asked to end.
    Killed,
}

/// How long a runner that has lost its daemon keeps its tasks, unless set otherwise.
pub const DEFAULT_ORPHAN_TIMEOUT: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_stream_says_where_it_begins() {
        for (stream, begin, file) in [
            (OutputStream::Stdout, 0, "stdout"),
            (OutputStream::Stdout, 8, "stdout.8"),
            (
                OutputStream::Stderr,
                u64::MAX,
                "stderr.18446744073709551615",
            ),
        ] {
            assert_eq!(output_file(stream, begin), file);
            assert_eq!(output_begin(stream, file), Some(begin));
        }
        for file in [
            "stderr",
            "stdout.",
            "stdout.08",
            "stdout.0",
            "stdout.+8",
            "stdout8",
            "work",
        ] {
            assert_eq!(output_begin(OutputStream::Stdout, file), None, "{file}");
        }
    }
}
