//! What the store holds and how full it is, in memory.
//!
//! Owns the accounts: bytes stored and bytes being uploaded never exceed the capacity together.
//! Never touches the disk.

use std::{collections::BTreeMap, ops::Bound};

use stoker_types::Digest;

use super::{Artifact, ArtifactKind, BlobError, BlobLimits, MAX_ARTIFACTS};

/// The artifacts by digest, and the accounts.
#[derive(Debug)]
pub(super) struct Index {
    limits: BlobLimits,
    artifacts: BTreeMap<Digest, Artifact>,
    stored_bytes: u64,
    uploading_bytes: u64,
}

impl Index {
    pub(super) const fn new(limits: BlobLimits) -> Self {
        Self {
            limits,
            artifacts: BTreeMap::new(),
            stored_bytes: 0,
            uploading_bytes: 0,
        }
    }

    /// Takes room for `bytes` more of an upload that has `so_far` already.
    pub(super) fn reserve(&mut self, so_far: u64, bytes: u64) -> Result<(), BlobError> {
        if so_far.saturating_add(bytes) > self.limits.max_blob_bytes {
            return Err(BlobError::TooLarge(self.limits.max_blob_bytes));
        }
        let total = self
            .stored_bytes
            .saturating_add(self.uploading_bytes)
            .saturating_add(bytes);
        if total > self.limits.capacity_bytes {
            return Err(BlobError::Full(self.limits.capacity_bytes));
        }
        if self.artifacts.len() >= MAX_ARTIFACTS {
            return Err(BlobError::TooMany);
        }
        self.uploading_bytes += bytes;
        Ok(())
    }

    /// Gives back the room of an upload that is over, in whatever way.
    pub(super) const fn release(&mut self, bytes: u64) {
        self.uploading_bytes = self.uploading_bytes.saturating_sub(bytes);
    }

    /// Adds an artifact, or what is new about one that is there. Says what the store now has, and
    /// whether it was there before.
    pub(super) fn insert(&mut self, artifact: Artifact) -> (Artifact, bool) {
        let digest = artifact.digest;
        let merged = self.merged(artifact);
        let size = merged.size;
        let was_there = self.artifacts.insert(digest, merged.clone()).is_some();
        if !was_there {
            self.stored_bytes = self.stored_bytes.saturating_add(size);
        }
        (merged, was_there)
    }

    /// What the store would know after an insert of `artifact`: the first uploader names an
    /// artifact, but a blob that is uploaded again as a module becomes one.
    pub(super) fn merged(&self, artifact: Artifact) -> Artifact {
        let Some(known) = self.artifacts.get(&artifact.digest) else {
            return artifact;
        };
        let becomes_module =
            known.kind == ArtifactKind::Blob && artifact.kind == ArtifactKind::Module;
        let takes_name = known.name.is_empty() || (becomes_module && !artifact.name.is_empty());
        Artifact {
            kind: if becomes_module {
                artifact.kind
            } else {
                known.kind
            },
            name: if takes_name {
                artifact.name
            } else {
                known.name.clone()
            },
            ..known.clone()
        }
    }

    pub(super) fn remove(&mut self, digest: &Digest) -> Option<Artifact> {
        let removed = self.artifacts.remove(digest)?;
        self.stored_bytes = self.stored_bytes.saturating_sub(removed.size);
        Some(removed)
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<&Artifact> {
        self.artifacts.get(digest)
    }

    /// Those of a kind, or all, that follow `after`, in the order of their digests.
    pub(super) fn list(
        &self,
        kind: Option<ArtifactKind>,
        after: Option<Digest>,
        limit: usize,
    ) -> Vec<Artifact> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.artifacts
            .range((start, Bound::Unbounded))
            .map(|(_, artifact)| artifact)
            .filter(|artifact| kind.is_none_or(|kind| artifact.kind == kind))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn count(&self) -> usize {
        self.artifacts.len()
    }

    pub(super) const fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }
}
