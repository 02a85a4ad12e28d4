//! Confines this process: what it may ask of the kernel from now on, whatever its code does.
//!
//! Wasm keeps guests apart; this is for the day that the engine has a hole. A runner gives up what
//! its tenant needs nothing of, the compiler all but memory and its three descriptors:
//!
//! 1. **No new privileges**: no program that it could start would be more than it is.
//! 2. **Landlock** (`files`): no file but those below its own folder, no TCP, no signals and no
//!    abstract sockets out.
//! 3. **seccomp** (`filter`, `calls`): the system calls that it is known to make, and no others.
//!
//! Each only narrows what is there, for good, and threads inherit it; so it is done once, while the
//! process has one thread, and before it sees a byte of a guest. A kernel that knows less confines
//! less: [`Hardening`] says what holds.

mod calls;
mod files;
mod filter;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use stoker_types::Hardening;

/// What a runner's guests may reach beyond their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Nothing.
    #[default]
    Closed,
    /// The network, by IPv4 and IPv6.
    Net,
}

/// What a process is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Runs the guests of one tenant.
    Run {
        /// What they may reach.
        class: Class,
        /// The folder of all their sandboxes; it exists, and stays as long as the process.
        folder: PathBuf,
    },
    /// Compiles one module from stdin to stdout.
    Compile,
}

impl Purpose {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Run { folder, .. } => Some(folder),
            Self::Compile => None,
        }
    }

    const fn has_network(&self) -> bool {
        matches!(
            self,
            Self::Run {
                class: Class::Net,
                ..
            }
        )
    }
}

/// Why a process could not be confined, although the kernel knows how.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Threads that run already would stay free.
    #[error("{0} threads run already: confine the process before it starts any")]
    Threads(usize),
    /// Its threads cannot be counted.
    #[error("cannot count its threads in /proc/self/task: {0}")]
    Proc(#[source] io::Error),
    /// The kernel refuses.
    #[error("cannot give up new privileges: {0}")]
    Privileges(#[source] io::Error),
    /// Its folder cannot be opened.
    #[error("cannot open its folder: {0}")]
    Folder(#[from] landlock::PathFdError),
    /// The kernel refuses.
    #[error("cannot restrict what files it reaches: {0}")]
    Files(#[from] landlock::RulesetError),
    /// Less is enforced than is required.
    #[error("it is not fully confined, as is required: what is missing is {0}")]
    Partial(String),
    /// The filter is not right, or the kernel refuses it.
    #[error("cannot filter its system calls: {0}")]
    Filter(#[from] seccompiler::Error),
}

/// Confines this process for good. Says what the kernel enforces from now on.
///
/// # Errors
/// If it has more than one thread, the kernel refuses what it knows, or knows less than
/// `is_required`.
pub fn confine_as_required(
    purpose: &Purpose,
    is_required: bool,
) -> Result<Hardening, ConfineError> {
    let hardening = confine(purpose)?;
    match hardening.missing() {
        Some(missing) if is_required => Err(ConfineError::Partial(missing)),
        _ => Ok(hardening),
    }
}

/// Confines this process for good, as far as the kernel knows how. Says what it enforces from now
/// on.
///
/// # Errors
/// If it has more than one thread, or the kernel refuses what it knows.
pub fn confine(purpose: &Purpose) -> Result<Hardening, ConfineError> {
    let threads = fs::read_dir("/proc/self/task")
        .map_err(ConfineError::Proc)?
        .count();
    if threads != 1 {
        return Err(ConfineError::Threads(threads));
    }
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| ConfineError::Privileges(error.into()))?;
    // The filter last: it does not let the calls through that the others are made of.
    Ok(Hardening {
        landlock: files::restrict(purpose)?,
        seccomp: filter::install(purpose)?,
    })
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Closed => "closed",
            Self::Net => "net",
        })
    }
}

impl FromStr for Class {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "closed" => Ok(Self::Closed),
            "net" => Ok(Self::Net),
            _ => Err("write closed or net"),
        }
    }
}
