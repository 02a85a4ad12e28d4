//! What everyone must know of the master that speaks to them.

use std::fmt;

/// The number of a master's term. Every message to an agent or a scheduler carries it; a lower
/// one than already seen comes from a deposed master and is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Term number `number`; the first term of a cluster is 1.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The term after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// The leading master, as it introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterInfo {
    /// Its term.
    pub epoch: Epoch,
    /// The version of the program, for operators.
    pub version: String,
}
