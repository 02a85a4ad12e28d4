//! `stoker run --local`: one task without a cluster, on the engine, limits and executor of a
//! runner, in this process but for `stoker compile`.

mod compiler;
mod killer;
mod run;

pub use compiler::compile_in_child;
pub use killer::Killer;
pub use run::run;

use std::path::PathBuf;

use stoker_types::{EnvironmentVariable, TaskInfo, Usage, runner::Outcome};

use crate::engine::MemoryProfile;
pub use crate::output::Captured;

/// A task and where it runs.
#[derive(Clone, Debug)]
pub struct LocalTask {
    /// The program that has the `compile` command: this one.
    pub stoker: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// What to run: arguments, environment, resources, limits. Its module reference is looked at
    /// for its file name only, and its stdin and inputs not at all.
    pub task: TaskInfo,
    /// The variables that Stoker sets for it.
    pub environment: Vec<EnvironmentVariable>,
    /// The folders that it works in.
    pub mounts: Vec<Mount>,
    /// The file that it reads; nothing if absent.
    pub stdin: Option<PathBuf>,
    /// Where its output goes.
    pub output: OutputMode,
    /// How its memory is laid out.
    pub memory_profile: MemoryProfile,
}

/// A folder of this machine that a guest sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub host: PathBuf,
    /// What the guest calls it.
    pub guest: String,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// Where a local task's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// To this process' own stdout and stderr.
    Inherit,
    /// Into the report.
    Capture {
        /// The bytes kept of each stream.
        bytes: usize,
    },
}

/// What a local task is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its module is being compiled.
    Compiling,
    /// Its module runs.
    Running,
}

/// How a local task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How; a module that was refused is [`Outcome::Failed`] with the reason of the refusal.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
    /// Its stdout, if that was to be captured.
    pub stdout: Captured,
    /// Its stderr, if that was to be captured.
    pub stderr: Captured,
}
