//! What the store holds and how full it is, in memory.
//!
//! Owns the accounts: bytes stored and bytes being uploaded never exceed the capacity together; and
//! when each artifact was last used. Never touches the disk.

use std::{collections::BTreeMap, ops::Bound};

use stoker_types::{Digest, Timestamp};

use super::{Artifact, ArtifactKind, BlobError, BlobLimits, MAX_ARTIFACTS, collection::Use};

/// The artifacts by digest, and the accounts.
#[derive(Debug)]
pub(super) struct Index {
    limits: BlobLimits,
    artifacts: BTreeMap<Digest, Entry>,
    stored_bytes: u64,
    uploading_bytes: u64,
}

#[derive(Debug)]
struct Entry {
    artifact: Artifact,
    used_at: Timestamp,
    /// Whether the disk knows of that use.
    is_noted: bool,
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
            return Err(BlobError::Full {
                used: self.stored_bytes.saturating_add(self.uploading_bytes),
                capacity: self.limits.capacity_bytes,
            });
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
    pub(super) fn insert(&mut self, artifact: Artifact, used_at: Timestamp) -> (Artifact, bool) {
        let artifact = self.merged(artifact);
        let known = self.artifacts.get(&artifact.digest);
        let was_there = known.is_some();
        let entry = Entry {
            artifact: artifact.clone(),
            used_at: known.map_or(used_at, |known| known.used_at.max(used_at)),
            is_noted: false,
        };
        self.artifacts.insert(artifact.digest, entry);
        if !was_there {
            self.stored_bytes = self.stored_bytes.saturating_add(artifact.size);
        }
        (artifact, was_there)
    }

    /// Notes that someone uses an artifact.
    pub(super) fn touch(&mut self, digest: &Digest, now: Timestamp) {
        if let Some(entry) = self.artifacts.get_mut(digest)
            && entry.used_at < now
        {
            entry.used_at = now;
            entry.is_noted = false;
        }
    }

    /// When each artifact was last used.
    pub(super) fn uses(&self) -> impl Iterator<Item = Use> {
        self.artifacts.iter().map(|(digest, entry)| Use {
            digest: *digest,
            kind: entry.artifact.kind,
            used_at: entry.used_at,
        })
    }

    /// The uses that the disk does not know of; from now on it does.
    pub(super) fn take_unnoted(&mut self) -> Vec<Use> {
        let unnoted = self
            .artifacts
            .iter_mut()
            .filter(|(_, entry)| !entry.is_noted);
        unnoted
            .map(|(digest, entry)| {
                entry.is_noted = true;
                Use {
                    digest: *digest,
                    kind: entry.artifact.kind,
                    used_at: entry.used_at,
                }
            })
            .collect()
    }

    /// Whether nothing happened to an artifact since that use.
    pub(super) fn is_last(&self, last: &Use) -> bool {
        self.artifacts
            .get(&last.digest)
            .is_some_and(|entry| (entry.used_at, entry.artifact.kind) == (last.used_at, last.kind))
    }

    /// What the store would know after an insert of `artifact`: the first uploader names an
    /// artifact, but a blob that is uploaded again as a module becomes one.
    pub(super) fn merged(&self, artifact: Artifact) -> Artifact {
        let Some(known) = self.get(&artifact.digest) else {
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
        let removed = self.artifacts.remove(digest)?.artifact;
        self.stored_bytes = self.stored_bytes.saturating_sub(removed.size);
        Some(removed)
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<&Artifact> {
        self.artifacts.get(digest).map(|entry| &entry.artifact)
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
            .map(|(_, entry)| &entry.artifact)
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
