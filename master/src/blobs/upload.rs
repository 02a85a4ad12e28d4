//! One upload on its way into the store.
//!
//! Owns a temporary file and its room in the accounts; both are given back if the upload is
//! dropped before it is whole. The digest is computed on the way.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stoker_types::{Digest, Timestamp};
use tokio::{fs::File, io::AsyncWriteExt as _};

use super::{
    Artifact, BlobError, BlobStore, PutHeader,
    store::{Inner, blocking},
};

/// An upload that is not whole yet.
pub(crate) struct Upload {
    header: PutHeader,
    room: Room,
    file: File,
    path: tempfile::TempPath,
    hash: Sha256,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Upload")
            .field("header", &self.header)
            .field("bytes", &self.room.bytes)
            .finish_non_exhaustive()
    }
}

/// The room that an upload has taken; given back when this is dropped.
struct Room {
    store: Arc<Inner>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.store.index().release(self.bytes);
    }
}

impl BlobStore {
    /// Begins an upload.
    pub(crate) async fn begin(&self, header: PutHeader) -> Result<Upload, BlobError> {
        let store = Arc::clone(self.inner());
        let (file, path) = blocking(move || {
            let uploads = store.uploads();
            tempfile::NamedTempFile::new_in(&uploads)
                .map(tempfile::NamedTempFile::into_parts)
                .map_err(BlobError::io("make a file in", &uploads))
        })
        .await?;
        Ok(Upload {
            header,
            room: Room {
                store: Arc::clone(self.inner()),
                bytes: 0,
            },
            file: File::from_std(file),
            path,
            hash: Sha256::new(),
        })
    }
}

impl Upload {
    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        let bytes = chunk.len() as u64;
        self.room.store.index().reserve(self.room.bytes, bytes)?;
        self.room.bytes += bytes;
        self.hash.update(chunk);
        self.file
            .write_all(chunk)
            .await
            .map_err(BlobError::io("write to", &self.path))
    }

    /// Takes the end: the bytes are verified, synced and named. Says what the store now has, and
    /// whether it was there before.
    pub(crate) async fn finish(mut self, now: Timestamp) -> Result<(Artifact, bool), BlobError> {
        let actual = Digest::from_bytes(self.hash.finalize().into());
        if let Some(expected) = self
            .header
            .expected_digest
            .filter(|expected| *expected != actual)
        {
            return Err(BlobError::Mismatch { expected, actual });
        }
        self.file
            .flush()
            .await
            .map_err(BlobError::io("write to", &self.path))?;
        self.file
            .sync_all()
            .await
            .map_err(BlobError::io("sync", &self.path))?;
        let artifact = Artifact {
            digest: actual,
            kind: self.header.kind,
            size: self.room.bytes,
            name: self.header.name,
            created_at: now,
        };
        let (room, path) = (self.room, self.path);
        blocking(move || {
            let installed = room.store.install(path, artifact);
            drop(room);
            installed
        })
        .await
    }
}
