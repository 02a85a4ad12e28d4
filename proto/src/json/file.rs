//! The files of a task's sandbox as readers see them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::time;

/// One file of a task's sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// Where: `stdout` and `stderr` are what the task printed, everything else is below the
    /// guest's `.`; a guest's own file of such a name is `./stdout`.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// In bytes; zero for what is no file.
    pub size: u64,
    /// When it was last written.
    #[schema(value_type = String, format = DateTime)]
    pub modified_at: Timestamp,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Bytes.
    File,
    /// Holds further ones.
    Directory,
    /// Neither, a link for example.
    Other,
}

impl From<stoker_types::FileEntry> for File {
    fn from(entry: stoker_types::FileEntry) -> Self {
        Self {
            path: entry.path,
            kind: match entry.kind {
                stoker_types::FileKind::File => FileKind::File,
                stoker_types::FileKind::Directory => FileKind::Directory,
                stoker_types::FileKind::Other => FileKind::Other,
            },
            size: entry.size,
            modified_at: time(entry.modified),
        }
    }
}
