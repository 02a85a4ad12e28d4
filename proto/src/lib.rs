//! The wire: protobuf messages and services, their conversions, and the JSON views.
//!
//! The only crate that knows protobuf, and the home of `stoker/v1/*.proto`. It owns what travels
//! and what is written to disk; what the messages *do* is decided elsewhere, on the types of
//! `stoker_types` alone.
//!
//! ```text
//!  sdk, cli ──┐  SchedulerService, OperatorService, ArtifactService
//!             ├────────────────▶ master ──▶ json ──▶ HTTP, cli
//!  agent ─────┘  AgentService       │
//!    │                              └────▶ registry   (storage.proto)
//!    ├──▶ runner   frame + runner.proto
//!    └──▶ checkpoint log            (storage.proto)
//!
//!  bytes ──prost──▶ v1::X ──TryFrom (convert)──▶ stoker_types::X ──▶ a core
//!  bytes ◀──prost── v1::X ◀──From   (convert)─── stoker_types::X ◀── a core
//! ```
//!
//! A message of [`v1`] never goes further than a rim (`master/src/grpc`, the agent's master
//! client, the runner's control thread, the SDK's driver): there it becomes a value of the
//! vocabulary or a [`convert::ConvertError`].

pub mod convert;
pub mod frame;
pub mod json;

/// The generated messages, clients and servers of the package `stoker.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    let_underscore_drop,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated from stoker/v1/*.proto, where each message is described"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/stoker.v1.rs"));
}

/// The descriptors of all of `stoker.v1`, encoded, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/stoker.v1.bin"));
