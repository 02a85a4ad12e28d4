//! What a framework says of itself when it subscribes.

use std::time::Duration;

use crate::Role;

/// A framework as its scheduler introduces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkInfo {
    /// For people; need not be unique. At most 256 bytes, no control characters, not empty.
    pub name: String,
    /// On whose behalf it acts; empty where no one is authenticated.
    pub principal: String,
    /// The roles it wants offers in: at least one, each once.
    pub roles: Vec<Role>,
    /// How long its tasks outlive its connection. Zero makes it *ephemeral*: see
    /// [`is_ephemeral`](Self::is_ephemeral).
    pub failover_timeout: Duration,
}

impl FrameworkInfo {
    /// The failover timeout of those who name none.
    pub const DEFAULT_FAILOVER_TIMEOUT: Duration = Duration::from_secs(600);

    /// Whether it ends with its connection: such a framework is never written to the registry,
    /// and a new master takes it as told when it returns.
    #[must_use]
    pub const fn is_ephemeral(&self) -> bool {
        self.failover_timeout.is_zero()
    }
}
