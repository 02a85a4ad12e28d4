//! Modules and blobs as readers see them: what is stored, never the bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::time;
use crate::convert;

/// One artifact in the master's store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Its name: `sha256:…`.
    pub digest: String,
    /// What it is for.
    pub kind: ArtifactKind,
    /// In bytes.
    pub size: u64,
    /// What its first uploader called it; may be empty.
    pub name: String,
    /// When it was first uploaded.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What an artifact is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// Wasm that tasks run.
    Module,
    /// An input or an output of tasks.
    Blob,
}

impl From<&convert::Artifact> for Artifact {
    fn from(artifact: &convert::Artifact) -> Self {
        Self {
            digest: artifact.digest.to_string(),
            kind: match artifact.kind {
                convert::ArtifactKind::Module => ArtifactKind::Module,
                convert::ArtifactKind::Blob => ArtifactKind::Blob,
            },
            size: artifact.size,
            name: artifact.name.clone(),
            created_at: time(artifact.created_at),
        }
    }
}
