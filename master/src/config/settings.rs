//! A master's configuration after it was checked.
//!
//! Owns the rules that a configuration must keep and what is said where it does not; reads no
//! file and no environment.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use stoker_master_core::{Limits, Timeouts};
use stoker_types::{duration, size};

use super::MasterConfig;

/// What a master runs with: every value is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where gRPC and HTTP are served.
    pub listen: SocketAddr,
    /// The folder of the registry and the blob store.
    pub data: PathBuf,
    /// The largest artifact that may be uploaded, in bytes.
    pub max_blob_bytes: u64,
    /// What all artifacts together may take, in bytes.
    pub blob_capacity_bytes: u64,
    /// How long a blob that no task refers to is kept after its last use.
    pub blob_retention: Duration,
    /// The time between two looks for such blobs.
    pub blob_collection_interval: Duration,
    /// The TCP connections that are served at once.
    pub max_connections: usize,
    /// The schedulers and agents that are connected at once.
    pub max_peers: usize,
    /// The times of the core.
    pub timeouts: Timeouts,
    /// The bounds of the core.
    pub limits: Limits,
    /// An agent's time to open a transfer.
    pub transfer_timeout: Duration,
    /// The time of connections to end by themselves.
    pub shutdown_grace: Duration,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The address cannot be read.
    #[error("listen = {0:?} is no address: write an IP address and a port, as in 127.0.0.1:5050")]
    Listen(String),
    /// Others would reach an unprotected master.
    #[error(
        "listening on {0} without TLS lets everyone on that network run programs here: listen on \
         127.0.0.1, or say --insecure (insecure = true) where the network itself is trusted"
    )]
    Exposed(SocketAddr),
    /// Nowhere to keep anything.
    #[error("data is empty: name the folder that holds the master's registry and blobs")]
    Data,
    /// A value is out of its range.
    #[error("{key} = {value} is not possible: {expected}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: String,
    },
}

/// The longest time that a configuration may name.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// The most connections that a process may hope for.
const MOST_CONNECTIONS: usize = 1_000_000;

impl MasterConfig {
    /// Checks everything.
    ///
    /// # Errors
    /// The first rule that is broken, and what would keep it.
    pub fn validate(&self) -> Result<Settings, ConfigError> {
        let listen = self.validated_listen()?;
        if self.data.as_os_str().is_empty() {
            return Err(ConfigError::Data);
        }
        self.check_sizes()?;
        self.check_times()?;
        let limits = self.limits.validate()?;
        Ok(Settings {
            listen,
            data: self.data.clone(),
            max_blob_bytes: self.max_blob_size,
            blob_capacity_bytes: self.blob_capacity,
            blob_retention: self.blob_retention,
            blob_collection_interval: self.blob_collection_interval,
            max_connections: self.max_connections,
            max_peers: self.max_peers,
            timeouts: Timeouts {
                offer: self.offer_timeout,
                heartbeat: self.heartbeat_interval,
                ping: self.ping_interval,
                unreachable: self.unreachable_timeout,
                reregister: self.reregister_timeout,
                orphaned_framework: self.orphaned_framework_timeout,
                allocation_coalescing: self.allocation_coalescing,
            },
            limits,
            transfer_timeout: self.transfer_timeout,
            shutdown_grace: self.shutdown_grace,
        })
    }

    fn validated_listen(&self) -> Result<SocketAddr, ConfigError> {
        let listen: SocketAddr = self
            .listen
            .parse()
            .map_err(|_| ConfigError::Listen(self.listen.clone()))?;
        if !listen.ip().is_loopback() && !self.insecure {
            return Err(ConfigError::Exposed(listen));
        }
        Ok(listen)
    }

    fn check_sizes(&self) -> Result<(), ConfigError> {
        if self.max_blob_size == 0 || self.max_blob_size > self.blob_capacity {
            return Err(ConfigError::OutOfRange {
                key: "max_blob_size",
                value: size::display(self.max_blob_size),
                expected: format!(
                    "more than nothing, and at most the whole store (blob_capacity = {})",
                    size::display(self.blob_capacity)
                ),
            });
        }
        let counts = [
            ("max_connections", self.max_connections),
            ("max_peers", self.max_peers),
        ];
        for (key, value) in counts {
            if value == 0 || value > MOST_CONNECTIONS {
                return Err(ConfigError::OutOfRange {
                    key,
                    value: value.to_string(),
                    expected: format!("1 to {MOST_CONNECTIONS}"),
                });
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let times = [
            ("offer_timeout", self.offer_timeout),
            ("heartbeat_interval", self.heartbeat_interval),
            ("ping_interval", self.ping_interval),
            ("unreachable_timeout", self.unreachable_timeout),
            ("reregister_timeout", self.reregister_timeout),
            (
                "orphaned_framework_timeout",
                self.orphaned_framework_timeout,
            ),
            ("transfer_timeout", self.transfer_timeout),
            ("blob_retention", self.blob_retention),
            ("blob_collection_interval", self.blob_collection_interval),
        ];
        for (key, value) in times {
            if value.is_zero() || value > LONGEST {
                return Err(out_of_range(
                    key,
                    value,
                    "more than nothing, and at most 365 days",
                ));
            }
        }
        let short = [
            ("allocation_coalescing", self.allocation_coalescing),
            ("shutdown_grace", self.shutdown_grace),
        ];
        for (key, value) in short {
            if value > Duration::from_secs(60) {
                return Err(out_of_range(key, value, "at most 1min"));
            }
        }
        if self.unreachable_timeout <= self.ping_interval {
            let expected = format!(
                "longer than ping_interval ({}), because an agent is heard at each ping",
                duration::display(self.ping_interval)
            );
            return Err(out_of_range(
                "unreachable_timeout",
                self.unreachable_timeout,
                &expected,
            ));
        }
        Ok(())
    }
}

fn out_of_range(key: &'static str, value: Duration, expected: &str) -> ConfigError {
    ConfigError::OutOfRange {
        key,
        value: duration::display(value),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_those_of_the_design() {
        let settings = MasterConfig::default().validate().unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:5050");
        assert_eq!(settings.data, PathBuf::from("/var/lib/stoker/master"));
        assert_eq!(settings.max_blob_bytes, 256 << 20);
        assert_eq!(settings.timeouts, Timeouts::default());
    }

    #[test]
    fn an_exposed_address_needs_a_word() {
        let mut config = MasterConfig {
            listen: "0.0.0.0:5050".to_owned(),
            ..Default::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert!(
            error.contains("--insecure") && error.contains("0.0.0.0:5050"),
            "{error}"
        );
        config.insecure = true;
        assert!(config.validate().is_ok());
    }

    #[test]
    fn a_name_is_no_address() {
        let config = MasterConfig {
            listen: "localhost".to_owned(),
            ..Default::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:5050"), "{error}");
    }

    #[test]
    fn times_that_contradict_each_other_are_refused() {
        let config = MasterConfig {
            unreachable_timeout: Duration::from_secs(10),
            ..Default::default()
        };
        insta::assert_snapshot!(
            config.validate().unwrap_err(),
            @"unreachable_timeout = 10s is not possible: longer than ping_interval (15s), because an agent is heard at each ping"
        );
        let config = MasterConfig {
            offer_timeout: Duration::ZERO,
            ..Default::default()
        };
        assert!(config.validate().is_err());
    }

    #[test]
    fn a_blob_must_fit_the_store() {
        let config = MasterConfig {
            blob_capacity: 1 << 20,
            ..Default::default()
        };
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .starts_with("max_blob_size")
        );
    }

    #[test]
    fn what_is_printed_reads_back() {
        let config = MasterConfig {
            max_blob_size: 12_345,
            transfer_timeout: Duration::from_millis(1_500),
            ..Default::default()
        };
        let text = serde_json::to_string_pretty(&config).unwrap();
        assert_eq!(serde_json::from_str::<MasterConfig>(&text).unwrap(), config);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_key_that_is_unknown_or_a_value_that_cannot_be_read_is_named() {
        let error = serde_json::from_str::<MasterConfig>(r#"{"liste": ""}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `liste`"),
            "{error}"
        );
        let error = serde_json::from_str::<MasterConfig>(r#"{"offer_timeout": "soon"}"#);
        assert!(error.unwrap_err().to_string().contains("500ms"));
        let config: MasterConfig = serde_json::from_str(r#"{"max_blob_size": 4096}"#).unwrap();
        assert_eq!(config.max_blob_size, 4096);
    }
}
