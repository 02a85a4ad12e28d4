//! What is known of a blob beside its bytes, in a small file beside it.
//!
//! Owns the file's name and content: an `ArtifactRecord` of `stoker/v1/storage.proto`. A sidecar
//! that is missing or cannot be read costs a blob its name and its kind, never its bytes.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use prost::Message as _;
use stoker_proto::{
    convert::{Artifact, STORAGE_VERSION, check_version},
    v1,
};

use super::BlobError;

/// The largest sidecar that is read: many times what a name may hold.
const MAX_BYTES: u64 = 16 << 10;

/// The sidecar of the blob at `blob`.
pub(super) fn path(blob: &Path) -> PathBuf {
    blob.with_extension("meta")
}

/// Writes a sidecar: all of it or nothing.
pub(super) fn write(path: &Path, temporary: &Path, artifact: &Artifact) -> Result<(), BlobError> {
    let record = v1::ArtifactRecord {
        version: STORAGE_VERSION,
        artifact: Some(artifact.clone().into()),
    };
    let mut file = tempfile::NamedTempFile::new_in(temporary)
        .map_err(BlobError::io("make a file in", temporary))?;
    file.write_all(&record.encode_to_vec())
        .and_then(|()| file.as_file().sync_all())
        .map_err(BlobError::io("write", path))?;
    file.persist(path)
        .map_err(|error| BlobError::io("name", path)(error.error))?;
    Ok(())
}

/// What a sidecar says, if it is there and says anything.
pub(super) fn read(path: &Path) -> Option<Artifact> {
    let metadata = fs::metadata(path).ok()?;
    if metadata.len() > MAX_BYTES {
        return None;
    }
    let record = v1::ArtifactRecord::decode(fs::read(path).ok()?.as_slice()).ok()?;
    check_version(record.version).ok()?;
    record.artifact?.try_into().ok()
}
