//! What a master must not forget: admitted agents, promised framework ids, the number of its term.
//!
//! Owns the one trait behind which every store of it sits. Never holds tasks: agents own those
//! and tell a new master. A store decides nothing; it keeps what the core says, in order.

mod embedded;
#[cfg(test)]
pub(crate) mod scripted;

use std::path::PathBuf;

use stoker_master_core::{Recovered, RegistryOperation};
use stoker_types::Epoch;

pub(crate) use embedded::EmbeddedRegistry;

/// A durable store of registry records.
///
/// All methods block, and are called from one thread that does nothing else. An error of
/// [`commit`](Self::commit) ends the process: what was to be written may or may not be there.
pub(crate) trait Registry: Send + 'static {
    /// All that an earlier master left.
    fn load(&mut self) -> Result<Recovered, RegistryError>;

    /// Begins a term: its number is durably higher than that of every term before it, and from
    /// now on earlier terms write nothing more.
    fn begin_term(&mut self) -> Result<Epoch, RegistryError>;

    /// Writes operations, in order, all or none. When this returns they survive a crash.
    fn commit(&mut self, operations: &[(u64, RegistryOperation)]) -> Result<(), RegistryError>;
}

/// Why a registry does not work.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its file is of another version of Stoker.
    #[error(
        "the registry {} is of format {found}, and this stoker reads format {expected}: use the \
         stoker that wrote it, or choose another data directory with --data", .path.display()
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What it should be.
        expected: u32,
    },
    /// It is no registry, or damaged.
    #[error(
        "the registry {} is damaged: {problem}; restore it from a backup, or choose another data \
         directory with --data", .path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// Another process has it open.
    #[error(
        "the registry {} is in use by another process: stop that one, or choose another data \
         directory with --data", .0.display()
    )]
    InUse(PathBuf),
    /// Another master has begun a later term.
    #[error("this master's term {mine} is over: a master of term {stored} has taken its place")]
    Deposed {
        /// Ours.
        mine: Epoch,
        /// Theirs.
        stored: Epoch,
    },
    /// The disk, or what stands for it, failed.
    #[error("failed to {action} the registry {}: {source}", .path.display())]
    Store {
        /// What was being done.
        action: &'static str,
        /// In which file.
        path: PathBuf,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
