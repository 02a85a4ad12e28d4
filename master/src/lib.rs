//! The master's driver: everything around the core of `stoker_master_core` that touches the world.
//!
//! ```text
//!   schedulers ─┐                        ┌▶ outboxes ──▶ grpc ──▶ the same peers
//!   agents ─────┼─▶ grpc ──▶ driver ─────┼▶ registry (its own thread)
//!   operators ──┘            the core    └▶ read_model ──▶ http, grpc watch
//!   artifacts ────▶ grpc ──▶ blobs
//! ```
//!
//! Owns the loop, the gRPC and HTTP rims, the read model, the blob store, the registry and the
//! metrics. Never decides anything about agents, frameworks, tasks or offers: that is the core's.
//! [`run`] is the entry; it needs settings, a listener and a token that ends it.

mod blobs;
mod clock;
mod config;
mod data_directory;
mod driver;
mod error;
mod grpc;
mod http;
mod metrics;
mod read_model;
mod registry;
mod run;
mod server;
#[cfg(test)]
mod tests;
mod transfers;

pub use blobs::BlobError;
pub use config::{ConfigError, LimitsConfig, MasterConfig, Settings};
pub use data_directory::DataDirectoryError;
pub use error::MasterError;
pub use registry::RegistryError;
pub use run::{bind, run};
