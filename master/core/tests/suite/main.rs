//! The master's core from outside: one input, and all that follows from it.
//!
//! A test arranges with [`fixture::Fixture`], gives one input, and compares every effect, written
//! as a line by [`render`]; what readers see is compared where it is the point.

#![expect(clippy::unwrap_used, reason = "what cannot be arranged fails the test")]

mod accept;
mod agents;
mod bounds;
mod decline;
mod failover;
mod fixture;
mod messages;
mod operators;
mod reconcile;
mod render;
mod snapshots;
mod subscribe;
mod teardown;
mod timers;
mod updates;
mod world;
