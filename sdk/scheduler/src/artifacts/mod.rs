//! Uploads and downloads: modules and blobs in the master's store.
//!
//! [`Artifacts`] is the client. What is in the store, and for how long, is the master's business.

mod client;
mod error;

pub use stoker_proto::convert::{Artifact, ArtifactKind};

pub use self::{
    client::{Artifacts, Upload},
    error::ArtifactError,
};
