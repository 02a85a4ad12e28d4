//! Conversions between the wire (`crate::v1`) and the vocabulary (`stoker_types`), by hand.
//!
//! From the wire it is `TryFrom`, which checks every bound of `stoker_types::limit` and says in a
//! [`ConvertError`] which field is wrong and what would be right. To the wire it is `From`, which
//! cannot fail. Both take their value over: nothing is copied that could be moved.
//!
//! Never in here: what a call *does*, or whether the cluster's state allows it.

pub mod agent;
mod artifact;
mod batch;
mod enums;
mod error;
mod files;
mod introduction;
pub(crate) mod operator;
mod read;
mod resources;
pub mod runner;
pub mod scheduler;
mod status;
mod storage;
mod task;
mod transfer;

pub use artifact::{Artifact, ArtifactKind, PutHeader};
pub use enums::{reason, task_state};
pub use error::ConvertError;
pub use files::{file_kind, list_files};
pub use operator::{KillTask, ListFiles, ReadFile, ReadOutput};
pub use status::INLINE_OUTPUTS_BYTES;
pub use storage::{STORAGE_VERSION, check_version};
pub use task::TASK_BYTES;
