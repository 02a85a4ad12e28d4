//! The store itself: opening its folder, finding, listing, reading and removing.
//!
//! Owns the order of steps on the disk that keeps a crash harmless: a blob is there when its file
//! is, and its file gets its name last and loses it first. Writing one is `upload`'s.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use stoker_types::{Digest, Timestamp};
use tokio::task::spawn_blocking;

use super::{
    Artifact, ArtifactKind, BlobError, BlobLimits,
    collection::{self, Collected},
    index::Index,
    sidecar,
};

/// The store; a clone is the same store.
#[derive(Clone, Debug)]
pub(crate) struct BlobStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    folder: PathBuf,
    index: Mutex<Index>,
    /// Held while names change on the disk, so that index and disk change together.
    renaming: Mutex<()>,
}

/// An artifact opened for reading.
#[derive(Debug)]
pub(crate) struct OpenBlob {
    /// What it is.
    pub artifact: Artifact,
    /// Its bytes.
    pub file: tokio::fs::File,
}

impl BlobStore {
    /// Opens the store in `folder`; makes it where there is none. Blocks.
    pub(crate) fn open(folder: &Path, limits: BlobLimits) -> Result<Self, BlobError> {
        let inner = Inner {
            folder: folder.to_owned(),
            index: Mutex::new(Index::new(limits)),
            renaming: Mutex::new(()),
        };
        let uploads = inner.uploads();
        // What an earlier process was in the middle of is of no use to anyone.
        match fs::remove_dir_all(&uploads) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BlobError::io("empty", &uploads)(error));
            }
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&uploads).map_err(BlobError::io("make", &uploads))?;
        inner.scan()?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What is known of an artifact.
    pub(crate) fn stat(&self, digest: &Digest) -> Option<Artifact> {
        self.inner.index().get(digest).cloned()
    }

    /// Notes that someone uses an artifact: it is kept for the whole retention from now on.
    pub(crate) fn touch(&self, digest: &Digest, now: Timestamp) {
        self.inner.index().touch(digest, now);
    }

    /// Removes the blobs that are not among `references` and were not used for `retention`.
    pub(crate) async fn collect(
        &self,
        references: BTreeSet<Digest>,
        now: Timestamp,
        retention: Duration,
    ) -> Result<Collected, BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.collect(&references, now, retention)).await
    }

    /// Up to `limit` artifacts behind `after`, by digest.
    pub(crate) fn list(
        &self,
        kind: Option<ArtifactKind>,
        after: Option<Digest>,
        limit: usize,
    ) -> Vec<Artifact> {
        self.inner.index().list(kind, after, limit)
    }

    /// How many artifacts there are, and how many bytes they take.
    pub(crate) fn usage(&self) -> (usize, u64) {
        let index = self.inner.index();
        (index.count(), index.stored_bytes())
    }

    /// Opens an artifact. It stays readable even if it is removed meanwhile.
    pub(crate) async fn read(&self, digest: Digest) -> Result<OpenBlob, BlobError> {
        let artifact = self.stat(&digest).ok_or(BlobError::NotFound(digest))?;
        let path = self.inner.path(&digest);
        match tokio::fs::File::open(&path).await {
            Ok(file) => Ok(OpenBlob { artifact, file }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(BlobError::NotFound(digest))
            }
            Err(error) => Err(BlobError::io("open", &path)(error)),
        }
    }

    /// Removes an artifact; says whether it was there.
    pub(crate) async fn remove(&self, digest: Digest) -> Result<bool, BlobError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.remove(&digest)).await
    }

    pub(super) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Inner {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let digits = digest.to_hex();
        self.folder.join("sha256").join(&digits[..2]).join(digits)
    }

    /// Gives a whole and synced file its name. Blocks.
    pub(super) fn install(
        &self,
        file: tempfile::TempPath,
        artifact: Artifact,
    ) -> Result<(Artifact, bool), BlobError> {
        let _renaming = self.renaming();
        let used_at = artifact.created_at;
        let path = self.path(&artifact.digest);
        let (folder, base) = (
            path.parent().unwrap_or(&self.folder),
            self.folder.join("sha256"),
        );
        let merged = self.index().merged(artifact);
        let is_there = self.index().get(&merged.digest).is_some();
        if self.index().get(&merged.digest) != Some(&merged) {
            fs::create_dir_all(folder).map_err(BlobError::io("make", folder))?;
            sidecar::write(&sidecar::path(&path), &self.uploads(), &merged)?;
        }
        if is_there {
            // The same bytes are there already: this copy is dropped.
            return Ok(self.index().insert(merged, used_at));
        }
        file.persist(&path)
            .map_err(|error| BlobError::io("name", &path)(error.error))?;
        for folder in [folder, &base, &self.folder] {
            sync_folder(folder)?;
        }
        Ok(self.index().insert(merged, used_at))
    }

    fn renaming(&self) -> MutexGuard<'_, ()> {
        self.renaming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(
        &self,
        references: &BTreeSet<Digest>,
        now: Timestamp,
        retention: Duration,
    ) -> Result<Collected, BlobError> {
        for digest in references {
            self.index().touch(digest, now);
        }
        let due = collection::due(self.index().uses(), references, now, retention);
        let mut collected = Collected::default();
        for last in due {
            // Held for each alone, so that uploads go on in between.
            let renaming = self.renaming();
            // Someone may have come back to it since.
            if self.index().is_last(&last)
                && let Some(removed) = self.remove_now(&last.digest, &renaming)?
            {
                collected.blobs += 1;
                collected.bytes += removed.size;
            }
        }
        self.note_uses()?;
        Ok(collected)
    }

    /// Writes down when artifacts were last used, for the master after this one.
    fn note_uses(&self) -> Result<(), BlobError> {
        let unnoted = self.index().take_unnoted();
        for last in unnoted {
            let path = self.path(&last.digest);
            let at = UNIX_EPOCH + last.used_at.since(Timestamp::default());
            match fs::File::open(&path).and_then(|file| file.set_modified(at)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(BlobError::io("note the use of", &path)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn remove(&self, digest: &Digest) -> Result<bool, BlobError> {
        let renaming = self.renaming();
        Ok(self.remove_now(digest, &renaming)?.is_some())
    }

    fn remove_now(
        &self,
        digest: &Digest,
        _renaming: &MutexGuard<'_, ()>,
    ) -> Result<Option<Artifact>, BlobError> {
        if self.index().get(digest).is_none() {
            return Ok(None);
        }
        let path = self.path(digest);
        for path in [path.clone(), sidecar::path(&path)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(BlobError::io("remove", &path)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(self.index().remove(digest))
    }

    /// Fills the index from the disk.
    fn scan(&self) -> Result<(), BlobError> {
        let base = self.folder.join("sha256");
        fs::create_dir_all(&base).map_err(BlobError::io("make", &base))?;
        let read = |folder: &Path| fs::read_dir(folder).map_err(BlobError::io("list", folder));
        for folder in read(&base)? {
            let folder = folder.map_err(BlobError::io("list", &base))?.path();
            if !folder.is_dir() {
                continue;
            }
            for entry in read(&folder)? {
                let entry = entry.map_err(BlobError::io("list", &folder))?;
                self.scan_entry(&entry)?;
            }
        }
        Ok(())
    }

    fn scan_entry(&self, entry: &fs::DirEntry) -> Result<(), BlobError> {
        let path = entry.path();
        let name = entry.file_name();
        let Some(digest) = name
            .to_str()
            .and_then(|name| format!("sha256:{name}").parse().ok())
        else {
            return Self::scan_other(&path);
        };
        let metadata = entry.metadata().map_err(BlobError::io("look at", &path))?;
        let known = sidecar::read(&sidecar::path(&path)).filter(|known| known.digest == digest);
        let artifact = known.map_or_else(
            || Artifact {
                digest,
                kind: ArtifactKind::Blob,
                size: metadata.len(),
                name: String::new(),
                created_at: modified_at(&metadata),
            },
            |known| Artifact {
                size: metadata.len(),
                ..known
            },
        );
        let used_at = modified_at(&metadata).max(artifact.created_at);
        self.index().insert(artifact, used_at);
        Ok(())
    }

    /// A sidecar whose blob is not there is what a crash or a removal left.
    fn scan_other(path: &Path) -> Result<(), BlobError> {
        let is_orphan = path
            .extension()
            .is_some_and(|extension| extension == "meta")
            && !path.with_extension("").exists();
        if is_orphan {
            fs::remove_file(path).map_err(BlobError::io("remove", path))?;
        }
        Ok(())
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends: nobody waits for the answer.
            Err(error) => Err(BlobError::io("use", Path::new("the blob store"))(
                io::Error::other(error),
            )),
        },
    }
}

fn sync_folder(folder: &Path) -> Result<(), BlobError> {
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(BlobError::io("sync", folder))
}

fn modified_at(metadata: &fs::Metadata) -> Timestamp {
    let since_1970 = metadata
        .modified()
        .ok()
        .and_then(|modified| modified.duration_since(std::time::UNIX_EPOCH).ok());
    Timestamp::default().after(since_1970.unwrap_or_default())
}
