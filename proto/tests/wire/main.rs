//! The wire, tried from outside: everything round-trips, nothing that arrives can panic, and every
//! bound is refused with words.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod contract;
mod hostile;
mod launches;
mod refusals;
mod round_trip;
mod strategies;
