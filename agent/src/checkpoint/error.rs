//! Why the checkpoint log cannot be used: each says which file, where in it, and what to do.

use std::{io, path::PathBuf};

use super::format::Damage;

/// Why the checkpoint log cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The operating system refuses.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, …
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error(
        "the checkpoint log {} {damage}: restore the folder from a backup, or start with another \
         --data (tasks of this agent are lost then)",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A file that must be there is not.
    #[error(
        "the checkpoint log {} is missing although later ones exist: restore it, or start with \
         another --data",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that were written whole, and that this program does not understand.
    #[error(
        "the checkpoint log {} holds a record at offset {offset} that this version of stoker \
         cannot read ({message}): start the version that wrote it, or start with another --data",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where the record's payload begins.
        offset: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The other thread of the log has panicked.
    #[error("the thread that syncs the checkpoint log panicked")]
    SyncerGone,
    /// A record that is too long to write.
    #[error("a record of {bytes} bytes is too long for the checkpoint log")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

impl CheckpointError {
    /// Says which operation on which file failed.
    pub(crate) fn io(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}
