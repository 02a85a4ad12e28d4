//! The master's clock: one reading of the wall clock at the start, and monotonic time from there.
//!
//! Owns the way between [`Timestamp`]s and tokio's instants, so that time never goes back while
//! the process lives, whatever is done to the machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use stoker_types::Timestamp;
use tokio::time::Instant;

/// Tells the time to everything in a master.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started_at: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that is right now.
    pub(crate) fn start() -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started_at: Timestamp::default().after(since_1970),
            started: Instant::now(),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.started_at.after(self.started.elapsed())
    }

    /// The instant at which this clock shows `timestamp`; now if that is past.
    pub(crate) fn instant(&self, timestamp: Timestamp) -> Instant {
        let ahead = timestamp.since(self.started_at);
        // A deadline that no instant can express is as good as none: look again in a day.
        let a_day = std::time::Duration::from_secs(24 * 3600);
        self.started
            .checked_add(ahead)
            .unwrap_or_else(|| Instant::now() + a_day)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn time_goes_on_and_comes_back_as_an_instant() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
        let later = first.after(Duration::from_secs(5));
        let ahead = clock.instant(later) - Instant::now();
        assert!(ahead > Duration::from_secs(4) && ahead <= Duration::from_secs(5));
        assert!(clock.instant(Timestamp::default()) <= Instant::now());
        assert!(clock.instant(Timestamp::from_micros(u64::MAX)) > Instant::now());
    }
}
