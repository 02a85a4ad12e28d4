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
//!
//! A runner filters its calls first, because a spare one does not know its tenant's folder yet and
//! the filters take the kernel half a millisecond. So it may still ask Landlock for less later; the
//! compiler may not.

mod calls;
mod files;
mod filter;

use std::{fmt, fs, io, path::Path, str::FromStr};

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

/// Confines this process, which compiles one module from stdin to stdout, for good, as far as the
/// kernel knows how. Says what it enforces from now on.
///
/// # Errors
/// If it has more than one thread, or the kernel refuses what it knows.
pub fn confine_compiler() -> Result<Hardening, ConfineError> {
    be_alone()?;
    renounce_privileges()?;
    Ok(Hardening {
        landlock: files::restrict(None, false)?,
        seccomp: filter::install(None)?,
    })
}

/// A runner's process that makes only the calls of a runner, and still reaches all files.
#[derive(Debug)]
#[must_use = "its files are to be restricted, too"]
pub struct Filtered {
    class: Class,
    is_enforced: bool,
}

/// Filters the calls of this process for good: from now on it is a runner.
///
/// # Errors
/// If it has more than one thread, or the kernel refuses what it knows.
pub fn filter_calls(class: Class) -> Result<Filtered, ConfineError> {
    be_alone()?;
    renounce_privileges()?;
    Ok(Filtered {
        class,
        is_enforced: filter::install(Some(class))?,
    })
}

impl Filtered {
    /// Restricts the files that it reaches to those below `folder`, which exists and stays as long
    /// as the process. Says what the kernel enforces from now on.
    ///
    /// # Errors
    /// If the process has more than one thread, or the kernel refuses what it knows.
    pub fn restrict_files(self, folder: &Path) -> Result<Hardening, ConfineError> {
        be_alone()?;
        Ok(Hardening {
            landlock: files::restrict(Some(folder), self.class == Class::Net)?,
            seccomp: self.is_enforced,
        })
    }
}

/// What the kernel enforces, if that is all that `is_required`.
///
/// # Errors
/// If it is less.
pub fn require(hardening: Hardening, is_required: bool) -> Result<Hardening, ConfineError> {
    match hardening.missing() {
        Some(missing) if is_required => Err(ConfineError::Partial(missing)),
        _ => Ok(hardening),
    }
}

/// Threads that run already would stay free.
fn be_alone() -> Result<(), ConfineError> {
    let threads = fs::read_dir("/proc/self/task")
        .map_err(ConfineError::Proc)?
        .count();
    if threads != 1 {
        return Err(ConfineError::Threads(threads));
    }
    Ok(())
}

fn renounce_privileges() -> Result<(), ConfineError> {
    rustix::thread::set_no_new_privs(true).map_err(|error| ConfineError::Privileges(error.into()))
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
