//! Why an artifact could not be moved, and what to do about it.

use std::{io, path::PathBuf};

use stoker_types::Digest;
use tonic::Status;

use crate::{DriverError, driver::root_cause};

/// Why an artifact could not be moved. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// An address of a master is none, or no master answered in time.
    #[error(transparent)]
    Master(#[from] DriverError),
    /// A local file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was downloaded could not be written.
    #[error("cannot write what was downloaded: {source}")]
    Write {
        /// Why.
        source: io::Error,
    },
    /// A local file changed between the look at it and its upload.
    #[error("{} changed while it was uploaded: try again", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// The master has no such artifact.
    #[error("the master has no {digest}: upload it first")]
    NotFound {
        /// Which.
        digest: Digest,
    },
    /// What came is not what was asked for.
    #[error("what the master sent for {digest} has other bytes: its store is damaged")]
    Damaged {
        /// Which.
        digest: Digest,
    },
    /// The master refused, or the connection broke.
    #[error("the master did not {operation} the artifact: {message}")]
    Refused {
        /// `store`, `find` or `send`.
        operation: &'static str,
        /// Why.
        message: String,
    },
}

impl ArtifactError {
    /// The master's refusal, in its words.
    pub(super) fn refused(operation: &'static str, status: &Status) -> Self {
        let message = if status.message().is_empty() {
            root_cause(status)
        } else {
            status.message().to_owned()
        };
        Self::Refused { operation, message }
    }
}
