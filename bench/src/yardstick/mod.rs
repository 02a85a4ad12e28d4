//! What Stoker is compared with: measured in the same run, between its own rounds.
//!
//! `bare` runs the same module on the same engine in one process, with nothing of Stoker around it:
//! the limit. `spawn` starts the smallest program there is: the unit of cost that everyone knows.

mod bare;
mod spawn;

use std::time::Duration;

pub(crate) use bare::run as bare;
pub(crate) use spawn::run as spawn;

use crate::figures::{milliseconds, number};

/// What one round of a yardstick gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    count: usize,
    wall: Duration,
    cpu: Duration,
}

impl Measured {
    pub(crate) fn rate(self) -> f64 {
        number(self.count) / self.wall.as_secs_f64()
    }

    pub(crate) fn cpu_ms(self) -> f64 {
        milliseconds(self.cpu) / number(self.count)
    }
}
