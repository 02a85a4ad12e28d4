//! The asynchronous shell around [`SchedulerCore`](crate::core::SchedulerCore): sockets, clock,
//! queues.
//!
//! Owns the map of this folder: [`builder`] makes a driver, [`run`] is its loop, [`link`] one
//! connection to a master. What a message *means* is decided in the core.

mod address;
mod builder;
mod clock;
mod error;
mod handle;
mod link;
mod progress;
mod run;

pub(crate) use self::address::{parse_addresses, root_cause};
pub use self::{
    address::{DEFAULT_MASTER, MASTER_VARIABLE},
    builder::{Driver, DriverBuilder},
    error::DriverError,
    handle::{Handle, SchedulerEnded},
    progress::Progress,
};
