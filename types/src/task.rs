//! A task as its framework describes it.

use std::time::Duration;

use crate::{Digest, ModuleReference, Resources, TaskId};

/// One unit of work: a module and all that it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    /// The framework's own id for it.
    pub id: TaskId,
    /// For people; at most 256 bytes, may be empty.
    pub name: String,
    /// The code.
    pub module: ModuleReference,
    /// The digest that the module must have, where the reference does not name it already.
    pub module_digest: Option<Digest>,
    /// What it asks for. Without `fuel` it is not throttled by fuel.
    pub resources: Resources,
    /// The arguments behind `argv[0]`.
    pub arguments: Vec<String>,
    /// `argv[0]`; the module's file name unless the framework says otherwise. May be empty.
    pub program_name: String,
    /// Its environment, beside the variables that Stoker sets.
    pub environment: Vec<EnvironmentVariable>,
    /// A blob to read on standard input; nothing (end of file) if absent.
    pub stdin: Option<Digest>,
    /// Blobs to find in its sandbox.
    pub inputs: Vec<Input>,
    /// Paths in its sandbox to upload when it has finished: relative, without `..`. As a scheduler
    /// writes them: the master judges them.
    pub outputs: Vec<String>,
    /// Its bounds, beside its resources.
    pub limits: TaskLimits,
}

/// One variable of a task's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentVariable {
    /// Not empty, without `=` and zero bytes, not starting with `STOKER_`.
    pub name: String,
    /// Without zero bytes.
    pub value: String,
}

/// How a blob holds what is at a path of a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobForm {
    /// The blob is the file's bytes.
    #[default]
    File,
    /// The blob is a tar of the directory: of what is in it, by names that begin there.
    Tar,
}

impl BlobForm {
    /// Its name in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Tar => "tar",
        }
    }
}

/// A blob that a task finds in its sandbox.
///
/// What is read-only is kept apart from what the task may write to, by the first folder of its
/// path: such a folder holds nothing but read-only inputs, and a read-only file is always in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What.
    pub blob: Digest,
    /// Where: relative, without `..`. As a scheduler writes it: the master judges it.
    pub path: String,
    /// Whether it is put there as it is, or unpacked as a directory.
    pub form: BlobForm,
    /// Whether the task may not change it.
    pub read_only: bool,
}

impl Input {
    /// The first folder of its path, or all of it if it has none.
    #[must_use]
    pub fn first_folder(&self) -> &str {
        first_folder(&self.path)
    }
}

/// The first folder of a path in a sandbox, or all of it if it has none.
#[must_use]
pub fn first_folder(path: &str) -> &str {
    path.split_once('/').map_or(path, |(first, _)| first)
}

/// A file or a directory that a finished task left in the blob store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Where it was in the sandbox.
    pub path: String,
    /// `Tar` if it was a directory.
    pub form: BlobForm,
    /// Its name in the blob store.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
    /// The blob itself, where it is small (4 KiB).
    pub content: Option<Vec<u8>>,
}

/// The bounds of a task beside its resources. `None` means the agent's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskLimits {
    /// The fuel it may use in all, in units; then it fails with `FUEL_EXHAUSTED`.
    pub fuel_budget: Option<u64>,
    /// The wall time from its instantiation, start function included; then it fails with
    /// `DEADLINE`.
    pub wall_time: Option<Duration>,
    /// What stdout and stderr may hold together, in bytes; past it the task fails with
    /// `OUTPUT_LIMIT`, and up to it all is kept. Without, they may hold anything, and the agent
    /// keeps the end of it.
    pub output: Option<u64>,
    /// What becomes of imports that Stoker does not provide.
    pub unknown_imports: UnknownImports,
    /// Whether its `cpus` are a ceiling too: it is lent no idle capacity.
    pub strict: bool,
}

/// What becomes of a module's imports that Stoker does not provide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownImports {
    /// The task is refused with `IMPORT_UNKNOWN`.
    #[default]
    Refuse,
    /// The task runs, and traps when it calls one.
    Trap,
}
