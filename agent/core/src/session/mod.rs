//! The agent's session with the master.
//!
//! A stream opens ([`connection`]); when what the agent was is known and written, it registers
//! ([`register`]) and is admitted ([`registered`]) or not ([`refused`]); from then on it is told
//! what to do ([`event`]). A deposed master is recognised by its epoch and left.

pub(crate) mod connection;
pub(crate) mod event;
pub(crate) mod refused;
pub(crate) mod register;
pub(crate) mod registered;
mod state;

pub(crate) use state::{Session, Stream};
