//! The agent's time: one reading of the wall clock at the start, then a clock that never goes back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stoker_types::Timestamp;
use tokio::time::Instant;

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    /// A clock that is right now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            wall: Timestamp::default().after(since_epoch),
            start: Instant::now(),
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.wall.after(self.start.elapsed())
    }

    /// When the time will be `timestamp`: at once if it has passed.
    pub(crate) fn instant(&self, timestamp: Timestamp) -> Instant {
        // Far off deadlines need not be exact, and an instant cannot be arbitrarily late.
        const FAR: Duration = Duration::from_secs(24 * 3600);
        Instant::now() + timestamp.since(self.now()).min(FAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_forward_with_the_monotonic_clock() {
        let clock = Clock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(3));
        let later = clock.now().after(Duration::from_secs(5));
        assert_eq!(
            clock.instant(later),
            Instant::now() + Duration::from_secs(5)
        );
        assert_eq!(clock.instant(before), Instant::now());
    }
}
