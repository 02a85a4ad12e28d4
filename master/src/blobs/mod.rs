//! The blob store: modules, inputs and outputs, each named by the digest of its bytes.
//!
//! Owns `DIR/blobs`: `sha256/aa/<64 digits>` and beside it `<64 digits>.meta`; what is being
//! uploaded lies in `uploads/` until it is whole, verified and synced. Never keeps the same bytes
//! twice and never holds a blob in memory. A blob's modification time is when it was last used, for
//! the collection of those that nobody needs. Who may read what is not decided here.

mod collection;
#[cfg(test)]
mod collection_tests;
mod collector;
mod index;
mod sidecar;
mod store;
#[cfg(test)]
mod tests;
mod upload;

use std::{io, path::PathBuf};

pub(crate) use stoker_proto::convert::{Artifact, ArtifactKind, PutHeader};
use stoker_types::{Digest, size};

pub(crate) use collector::Collector;
pub(crate) use store::BlobStore;

/// How much a store takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlobLimits {
    /// Of one artifact.
    pub max_blob_bytes: u64,
    /// Of all together, those being uploaded among them.
    pub capacity_bytes: u64,
}

/// The artifacts of one store, so that its index stays in memory.
pub(super) const MAX_ARTIFACTS: usize = 1_000_000;

/// Why the blob store does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// An upload is over the bound for one artifact.
    #[error(
        "the artifact is larger than {}, the most that this master takes (its max_blob_size)",
        size::display(*.0)
    )]
    TooLarge(u64),
    /// The store is full.
    #[error(
        "the blob store is full: {} of {} (blob_capacity) are used, which leaves too little for \
         this upload; remove modules that are not needed with `stoker module rm`, wait until \
         blobs that no task needs are collected (blob_retention), or start the master with more",
        size::display(*.used),
        size::display(*.capacity)
    )]
    Full {
        /// What is stored and being uploaded, in bytes.
        used: u64,
        /// The most that it may be.
        capacity: u64,
    },
    /// The store has too many entries.
    #[error(
        "the blob store holds {MAX_ARTIFACTS} artifacts, the most that it can; remove some with \
         `stoker module rm`"
    )]
    TooMany,
    /// The bytes are not those that were promised.
    #[error("the bytes that arrived are {actual}, not {expected}: upload the file again")]
    Mismatch {
        /// What the header said.
        expected: Digest,
        /// What they are.
        actual: Digest,
    },
    /// There is no such artifact.
    #[error("no artifact {0} is in the store; `stoker module list` shows those that are")]
    NotFound(Digest),
    /// The disk failed.
    #[error("failed to {action} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

impl BlobError {
    /// For `map_err`: names what was done to which file.
    pub(super) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
