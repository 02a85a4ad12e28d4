//! The ways to meter guests, of which one is chosen when a module is compiled.

use std::{fmt, str::FromStr};

use wasmtime::{AsContext, Config, Store, StoreContextMut};

use super::fuel;
use crate::guest::Guest;

/// How a guest's work is counted, bounded and cut into slices. Compiled code depends on it, so it is
/// part of the code's key, and a runner loads only code of its own.
///
/// Another mechanism is another variant, and answers each question that a method here asks; the
/// compiler names the places. Nothing else of the runner knows which one it is: the meter, the
/// account and the executor see units, slices and stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metering {
    /// Wasmtime's own: a counter in a register, tested at loops and calls.
    #[default]
    Fuel,
}

impl Metering {
    /// Its name on the command line and in keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
        }
    }

    /// Makes an engine compile and run code that is metered so.
    pub(crate) fn configure(self, config: &mut Config) {
        match self {
            Self::Fuel => fuel::configure(config),
        }
    }

    /// Gives a store `units` to burn, in slices of `slice`.
    pub(super) fn arm(
        self,
        store: &mut Store<Guest>,
        units: u64,
        slice: u64,
    ) -> wasmtime::Result<()> {
        match self {
            Self::Fuel => fuel::arm(store, units, slice),
        }
    }

    /// The units that a store has left; exact at host calls and ends of slices.
    pub(super) fn left(self, store: impl AsContext<Data = Guest>) -> u64 {
        match self {
            Self::Fuel => fuel::left(store),
        }
    }

    /// The guest's fiber yields when it has burnt `units` from now on.
    pub(super) fn cut_slice(
        self,
        store: StoreContextMut<'_, Guest>,
        units: u64,
    ) -> wasmtime::Result<()> {
        match self {
            Self::Fuel => fuel::cut_slice(store, units),
        }
    }

    /// Whether this is the error of a guest that has burnt everything.
    pub(super) fn is_exhausted(self, error: &wasmtime::Error) -> bool {
        match self {
            Self::Fuel => fuel::is_exhausted(error),
        }
    }
}

impl fmt::Display for Metering {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A text that names no metering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no metering: write fuel")]
pub struct UnknownMetering(String);

impl FromStr for Metering {
    type Err = UnknownMetering;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fuel" => Ok(Self::Fuel),
            other => Err(UnknownMetering(other.chars().take(80).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        assert_eq!("fuel".parse(), Ok(Metering::Fuel));
        let error = "epochs".parse::<Metering>().unwrap_err();
        assert!(error.to_string().contains("write fuel"));
    }
}
