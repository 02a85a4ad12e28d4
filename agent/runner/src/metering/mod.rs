//! Meters what guests use: how much they may, how much they did, and when another's turn has come.
//!
//! - [`Metering`] is how, chosen when a module is compiled;
//! - [`Meter::arm`] prepares a store, before its module is instantiated;
//! - [`Account`] then holds what the guest has used, exact at each host call and each slice's end,
//!   and says how long its next slice is;
//! - a guest over its budget ends with [`is_exhausted`].
//!
//! How it works: the call hook fires at every entry into the host, the end of a slice among them,
//! and reads the counter. The first step of a slice cuts it to its length. A guest that spends its
//! slice in host calls burns next to nothing: after [`HOST_SLICE`] in them its slice is cut short.
//! Without a budget the store holds more than a guest can burn in a hundred years.
//!
//! Fuel that a guest burnt since the last host call or slice is lost when it traps on an
//! instruction (not on `unreachable`): up to one slice too little is booked then, never too much.

mod account;
mod fuel;
mod mechanism;
mod meter;
mod stop;
pub(crate) mod stop_hook;

pub use mechanism::{Metering, UnknownMetering};

pub(crate) use account::Account;
pub(crate) use meter::Meter;
pub(crate) use stop::Stop;

use std::time::Duration;

/// The fuel that a guest burns before its fiber yields: about 100 µs of work.
pub(crate) const SLICE_FUEL: u64 = 1_000_000;
/// The same when very many guests can run: about 10 µs.
pub(crate) const LEAST_SLICE_FUEL: u64 = 100_000;
/// The time in host calls after which a slice is over, whatever fuel it has left.
pub(crate) const HOST_SLICE: Duration = Duration::from_micros(500);

/// Whether this is the error of a guest that is over its budget.
pub(crate) fn is_exhausted(metering: Metering, error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref(), Some(Stop::FuelExhausted)) || metering.is_exhausted(error)
}
