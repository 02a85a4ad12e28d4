//! The runner's side of the frames between it and its agent's daemon.
//!
//! ```text
//! daemon ── connects ──▶ doorman: hello, welcome ──▶ Connection ─ orders (+ descriptors) ─▶ runner
//!    ▲                                                                                       │
//!    └──────────── writer ◀── Outbox: events, kept until confirmed ◀── started, ended ───────┘
//! ```
//!
//! The frames are [`stoker_proto::frame`]'s. An order to map a module has a frame to itself, and its
//! descriptor travels with that frame's bytes (`SCM_RIGHTS`). A daemon connects, and connects again after its own restart; the newest
//! connection is the one that counts. All events that it has not confirmed are then sent again.

mod connection;
mod doorman;
mod outbox;
mod writer;

use std::io;

pub(crate) use connection::Connection;
pub(crate) use doorman::{Doorman, Identity, Visitor};
pub(crate) use outbox::Outbox;
pub(crate) use writer::write_events;

/// What the other side sent is not what it should be.
fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
