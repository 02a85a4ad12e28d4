//! The files of a sandbox, as listings name them.

use stoker_types::{FileEntry, FileKind, Timestamp, limit};

use super::{
    enums::WireEnum as _,
    error::{ConvertError, Under as _},
    read::{check_length, list, without_zero_bytes},
};
use crate::v1;

impl From<FileEntry> for v1::FileEntry {
    fn from(entry: FileEntry) -> Self {
        Self {
            path: entry.path,
            kind: v1::FileKind::from(entry.kind).into(),
            size: entry.size,
            modified_us: entry.modified.as_micros(),
        }
    }
}

impl TryFrom<v1::FileEntry> for FileEntry {
    type Error = ConvertError;

    fn try_from(entry: v1::FileEntry) -> Result<Self, Self::Error> {
        // A guest names its files as it likes, with control characters among others: whoever
        // prints a path escapes it.
        check_length(entry.path.len(), limit::LISTED_PATH_BYTES).under("path")?;
        Ok(Self {
            path: without_zero_bytes(entry.path).under("path")?,
            kind: FileKind::required(entry.kind).under("kind")?,
            size: entry.size,
            modified: Timestamp::from_micros(entry.modified_us),
        })
    }
}

/// Reads the entries of one message of a listing.
///
/// # Errors
/// If there are too many of them, or one breaks a rule.
pub fn list_files(entries: Vec<v1::FileEntry>) -> Result<Vec<FileEntry>, ConvertError> {
    list(
        entries,
        "entries",
        limit::LISTED_FILES_PER_BATCH,
        TryInto::try_into,
    )
}

/// The kind of file that a number on the wire names, if it is not zero.
///
/// # Errors
/// If it names none.
pub fn file_kind(number: i32) -> Result<Option<FileKind>, ConvertError> {
    FileKind::from_wire(number).under("kind")
}
