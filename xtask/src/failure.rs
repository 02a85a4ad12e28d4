//! The one error of xtask: a sentence for the person at the keyboard. It is never matched on.

use std::fmt;

/// Why a step could not be done, as a fragment that fits after "error: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

/// What every step returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The sentence without what another program said about it.
    pub(crate) fn first_line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Says what was being done when something of the standard library failed.
pub(crate) trait While<T> {
    /// `doing` is a fragment such as "read /etc/hosts".
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> While<T> for std::result::Result<T, E> {
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Failure(format!("{}: {cause}", doing())))
    }
}
