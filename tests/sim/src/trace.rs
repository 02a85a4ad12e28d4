//! The log of a simulation: a line for each thing that happens, the same for the same seed.
//!
//! Owns the text. Nothing is formatted unless someone wants it: a seed that fails is run again.

use crate::moment::Moment;

/// The log, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<String>);

impl Trace {
    /// A log that is kept.
    pub(crate) const fn kept() -> Self {
        Self(Some(String::new()))
    }

    /// Adds a line.
    pub(crate) fn note(&mut self, now: Moment, who: Who, what: impl FnOnce() -> String) {
        use std::fmt::Write as _;
        if let Some(text) = &mut self.0 {
            // Writing to a String cannot fail.
            let _infallible = writeln!(text, "{now} {who:<12} {}", what());
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.0.unwrap_or_default()
    }
}

/// Whom a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Master,
    Agent(usize),
    Scheduler(usize),
    World,
}

impl std::fmt::Display for Who {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Master => formatter.pad("master"),
            Self::Agent(index) => formatter.pad(&format!("agent {index}")),
            Self::Scheduler(index) => formatter.pad(&format!("scheduler {index}")),
            Self::World => formatter.pad("world"),
        }
    }
}
