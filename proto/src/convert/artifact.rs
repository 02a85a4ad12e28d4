//! Artifacts: what the master's store of modules and blobs says and is told.

use stoker_types::{Digest, Timestamp, limit};

use super::{
    enums::WireEnum as _,
    error::{ConvertError, Under as _},
    read::{parse, parse_optional, text, write_optional},
};
use crate::v1;

/// What an artifact is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    /// Wasm that tasks run; kept until removed.
    Module,
    /// An input or an output of tasks; collected when nothing refers to it and it is old.
    Blob,
}

/// What is known of an artifact in the master's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name.
    pub digest: Digest,
    /// What it is for.
    pub kind: ArtifactKind,
    /// In bytes.
    pub size: u64,
    /// What its first uploader called it; may be empty.
    pub name: String,
    /// When it was first uploaded.
    pub created_at: Timestamp,
}

/// How an upload begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutHeader {
    /// What the artifact is for.
    pub kind: ArtifactKind,
    /// For people; may be empty.
    pub name: String,
    /// The digest that the bytes must have, where the uploader knows it.
    pub expected_digest: Option<Digest>,
}

impl From<Artifact> for v1::Artifact {
    fn from(artifact: Artifact) -> Self {
        Self {
            digest: artifact.digest.to_string(),
            kind: v1::ArtifactKind::from(artifact.kind).into(),
            size: artifact.size,
            name: artifact.name,
            created_at_us: artifact.created_at.as_micros(),
        }
    }
}

impl TryFrom<v1::Artifact> for Artifact {
    type Error = ConvertError;

    fn try_from(artifact: v1::Artifact) -> Result<Self, Self::Error> {
        Ok(Self {
            digest: parse(&artifact.digest).under("digest")?,
            kind: ArtifactKind::required(artifact.kind).under("kind")?,
            size: artifact.size,
            name: text(artifact.name, limit::NAME_BYTES).under("name")?,
            created_at: Timestamp::from_micros(artifact.created_at_us),
        })
    }
}

impl From<PutHeader> for v1::put_request::Header {
    fn from(header: PutHeader) -> Self {
        Self {
            kind: v1::ArtifactKind::from(header.kind).into(),
            name: header.name,
            expected_digest: write_optional(header.expected_digest),
        }
    }
}

impl TryFrom<v1::put_request::Header> for PutHeader {
    type Error = ConvertError;

    fn try_from(header: v1::put_request::Header) -> Result<Self, Self::Error> {
        Ok(Self {
            kind: ArtifactKind::required(header.kind).under("kind")?,
            name: text(header.name, limit::NAME_BYTES).under("name")?,
            expected_digest: parse_optional(&header.expected_digest).under("expected_digest")?,
        })
    }
}
