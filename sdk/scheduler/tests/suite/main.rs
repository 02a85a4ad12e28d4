//! The SDK's tests: the core through inputs and exact outputs, the driver and the artifacts'
//! client on real sockets against servers of a few lines, a small scheduler against a script.
#![allow(clippy::unwrap_used, reason = "what a test did not expect ends it")]

mod bench;
mod connection;
mod driver;
mod endings;
mod master;
mod messages;
mod offers;
mod questions;
mod scripted;
mod store;
mod updates;
