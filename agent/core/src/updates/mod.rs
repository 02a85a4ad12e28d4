//! The status updates of all tasks, from their making to their acknowledgement.
//!
//! Made ([`make`]), written to the log ([`written`]), sent in order with at most four
//! unacknowledged ([`send`]), sent again until acknowledged ([`acknowledge`]).

pub(crate) mod acknowledge;
pub(crate) mod make;
mod queue;
pub(crate) mod send;
pub(crate) mod written;

pub(crate) use queue::{NUMBERS_LOST_BY_A_BOOT, UpdateQueue};
