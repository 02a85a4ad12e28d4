//! Why a master does not start, or ends.
//!
//! Owns the sentences that an operator reads: each says what to do.

use std::{io, net::SocketAddr};

use crate::{
    blobs::BlobError, config::ConfigError, data_directory::DataDirectoryError,
    registry::RegistryError,
};

/// Why a master does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// The configuration breaks a rule.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port is taken.
    #[error("{0} is in use: another master? Choose another address with --listen")]
    PortInUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDirectory(#[from] DataDirectoryError),
    /// The registry cannot be opened or written; what was not confirmed has not happened.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The blob store cannot be opened.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The machine gives no thread.
    #[error("failed to start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The machine gives no randomness.
    #[error("failed to read randomness from the system: {0}")]
    Randomness(String),
    /// The registry's thread ended without a word: a defect of Stoker.
    #[error("the thread that writes the registry is gone; this is a defect of stoker")]
    WriterGone,
    /// A part of the master ended without a word: a defect of Stoker.
    #[error("the master's {0} ended by itself; this is a defect of stoker")]
    PartGone(&'static str),
    /// The descriptions of the gRPC services cannot be read: a defect of Stoker.
    #[error("failed to describe the gRPC services: {0}; this is a defect of stoker")]
    Reflection(String),
}
