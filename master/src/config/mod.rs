//! What an operator may set of a master: one struct, every key optional, every default here.
//!
//! Owns the keys, their text form and their defaults. Merging flags, environment and file is the
//! command line's business; what the values mean is [`Settings`]'s.

mod limits;
mod settings;
mod text;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub use limits::LimitsConfig;
pub use settings::{ConfigError, Settings};

/// A master's configuration as it is written: in TOML, by flags, and by `--print-config`.
///
/// Times are written `30s`, sizes `256MiB`; [`validate`](Self::validate) makes [`Settings`] of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MasterConfig {
    /// Where gRPC and HTTP are served: an IP address and a port; port 0 takes a free one.
    pub listen: String,
    /// The folder of the registry and the blob store. One master at a time may use it.
    pub data: PathBuf,
    /// Allows a `listen` address that other machines reach, although nothing is encrypted.
    pub insecure: bool,
    /// The largest artifact that may be uploaded.
    #[serde(with = "text::size")]
    pub max_blob_size: u64,
    /// What all artifacts together may take of the disk.
    #[serde(with = "text::size")]
    pub blob_capacity: u64,
    /// A blob that no task refers to is removed after this, counted from its last use. Modules
    /// stay until they are removed.
    #[serde(with = "text::duration")]
    pub blob_retention: Duration,
    /// Blobs to remove are looked for this often.
    #[serde(with = "text::duration")]
    pub blob_collection_interval: Duration,
    /// The TCP connections that are served at once; further ones wait.
    pub max_connections: usize,
    /// The schedulers and agents that are connected at once; further ones are refused.
    pub max_peers: usize,
    /// An offer that nobody answered is rescinded after this.
    #[serde(with = "text::duration")]
    pub offer_timeout: Duration,
    /// A scheduler hears a heartbeat this often.
    #[serde(with = "text::duration")]
    pub heartbeat_interval: Duration,
    /// An agent is pinged this often.
    #[serde(with = "text::duration")]
    pub ping_interval: Duration,
    /// An agent that has not been heard for this long is unreachable.
    #[serde(with = "text::duration")]
    pub unreachable_timeout: Duration,
    /// After the master's start, the agents that it knows have this long to return.
    #[serde(with = "text::duration")]
    pub reregister_timeout: Duration,
    /// A framework that only agents know of has this long to subscribe.
    #[serde(with = "text::duration")]
    pub orphaned_framework_timeout: Duration,
    /// Events within this time of an allocation wait for the next one.
    #[serde(with = "text::duration")]
    pub allocation_coalescing: Duration,
    /// An agent has this long to open a transfer that was asked of it.
    #[serde(with = "text::duration")]
    pub transfer_timeout: Duration,
    /// When the master is told to end, its connections have this long to end by themselves.
    #[serde(with = "text::duration")]
    pub shutdown_grace: Duration,
    /// How much of everything there may be.
    pub limits: LimitsConfig,
}

impl Default for MasterConfig {
    fn default() -> Self {
        let timeouts = stoker_master_core::Timeouts::default();
        Self {
            listen: "127.0.0.1:5050".to_owned(),
            data: "/var/lib/stoker/master".into(),
            insecure: false,
            max_blob_size: 256 << 20,
            blob_capacity: 16 << 30,
            blob_retention: Duration::from_secs(24 * 3600),
            blob_collection_interval: Duration::from_secs(600),
            max_connections: 20_000,
            max_peers: 20_000,
            offer_timeout: timeouts.offer,
            heartbeat_interval: timeouts.heartbeat,
            ping_interval: timeouts.ping,
            unreachable_timeout: timeouts.unreachable,
            reregister_timeout: timeouts.reregister,
            orphaned_framework_timeout: timeouts.orphaned_framework,
            allocation_coalescing: timeouts.allocation_coalescing,
            transfer_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(3),
            limits: LimitsConfig::default(),
        }
    }
}
