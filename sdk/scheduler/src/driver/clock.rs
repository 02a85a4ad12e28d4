//! The time that a driver gives its core: one reading of the wall clock, moved on monotonically.
//!
//! Owns the correspondence of the two clocks; the core never reads either.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stoker_types::Timestamp;
use tokio::time::Instant;

/// A clock that shows the date and never goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Timestamp,
    started: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            start: Timestamp::default().after(since_1970),
            started: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.start.after(self.started.elapsed())
    }

    /// The moment of the runtime's clock at which this one shows `at`.
    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        /// What is further away is looked at again then.
        const HORIZON: Duration = Duration::from_secs(24 * 3600);
        let ahead = at.since(self.now()).min(HORIZON);
        // A microsecond more, because a timer that rounds down would find nothing due.
        Instant::now() + ahead + Duration::from_micros(1)
    }
}
