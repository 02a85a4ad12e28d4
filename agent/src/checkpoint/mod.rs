//! The agent's memory: an append-only log on disk that survives `kill -9` and power cuts.
//!
//! ```text
//!  core ──Persist(n, record)──▶ driver ──group──▶ writer ──write(2), fdatasync──▶ disk
//!  core ◀─Written, Persisted(n)─ driver ◀──watch── writer, syncer
//! ```
//!
//! `format` is the bytes, `record` their meaning, `segments` the files, `open` what is found at a
//! start, `writer` and `syncer` the threads, `liveness` the count of what is still needed. Owns the
//! log; what the records mean for tasks is the core's business.

mod error;
mod format;
mod liveness;
mod open;
mod record;
mod segments;
mod syncer;
mod writer;

pub(crate) use error::CheckpointError;
pub(crate) use open::open;
pub(crate) use writer::{CheckpointLog, Entry, LogCounters};

#[cfg(test)]
mod tests;
