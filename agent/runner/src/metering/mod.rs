//! Meters what guests use. The rest of the runner sees this interface only, so that a cheaper
//! mechanism than wasmtime's fuel can take its place.
//!
//! - [`Meter::arm`] prepares a store, before its module is instantiated;
//! - [`Account`] then holds what the guest has used, exact at each host call and each slice's end;
//! - a guest over its budget ends with [`is_exhausted`].
//!
//! How it works: the store holds all of the budget as wasmtime fuel, released in slices of
//! [`SLICE_FUEL`]; at the end of each the fiber yields. The call hook fires at every entry into the
//! host, the end of a slice among them, and reads the counter. Without a budget the store holds
//! more than a guest can burn in a hundred years.
//!
//! Fuel that a guest burnt since the last host call or slice is lost when it traps on an
//! instruction (not on `unreachable`): up to one slice too little is booked then, never too much.

mod account;
mod meter;
mod stop;

pub(crate) use account::Account;
pub(crate) use meter::Meter;
pub(crate) use stop::Stop;

/// The fuel that a guest burns before its fiber yields: about 100 µs of work.
pub(crate) const SLICE_FUEL: u64 = 1_000_000;

/// Whether this is the error of a guest that is over its budget.
pub(crate) fn is_exhausted(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref(), Some(Stop::FuelExhausted))
        || matches!(error.downcast_ref(), Some(wasmtime::Trap::OutOfFuel))
}
