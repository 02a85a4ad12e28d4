//! Bugs that a test may plant in the simulator's own drivers, to see that they are caught.
//!
//! Owns their names. Each is a rule of a driver's contract that is broken; the cores are never
//! touched, and without one of these every driver keeps its contract.

use std::{fmt, str::FromStr};

/// A bug to plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// An agent's log says that a hand-over is written, and has not written it.
    SkipCheckpoint,
    /// An agent's log says that an end is synced before it is even written.
    SyncEarly,
    /// A scheduler acknowledges an update when it comes, before its author has seen it.
    AcknowledgeEarly,
    /// A master now and then makes the same offer twice, under two ids.
    OfferTwice,
    /// A master's registry says that a write is durable before it is.
    CommitEarly,
    /// A stream loses a message in its middle and goes on.
    LoseMessage,
    /// The first word of a stream arrives after that of a later stream of the same peer. This is
    /// no bug of a driver: networks and busy servers do that. The cluster cannot stand it yet,
    /// because nothing in a registration or a subscription says which of two is the later one; so
    /// it only happens where it is planted.
    LateFirstWord,
}

impl Planted {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::SkipCheckpoint,
        Self::SyncEarly,
        Self::AcknowledgeEarly,
        Self::OfferTwice,
        Self::CommitEarly,
        Self::LoseMessage,
        Self::LateFirstWord,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SkipCheckpoint => "skip-checkpoint",
            Self::SyncEarly => "sync-early",
            Self::AcknowledgeEarly => "acknowledge-early",
            Self::OfferTwice => "offer-twice",
            Self::CommitEarly => "commit-early",
            Self::LoseMessage => "lose-message",
            Self::LateFirstWord => "late-first-word",
        }
    }
}

impl fmt::Display for Planted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A name that is no planted bug's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no bug that can be planted: there are {}", names())]
pub struct UnknownBug {
    /// What was given.
    text: String,
}

fn names() -> String {
    let names: Vec<&str> = Planted::ALL.iter().map(|bug| bug.as_str()).collect();
    names.join(", ")
}

impl FromStr for Planted {
    type Err = UnknownBug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|bug| bug.as_str() == text);
        known.copied().ok_or_else(|| UnknownBug {
            text: text.to_owned(),
        })
    }
}
