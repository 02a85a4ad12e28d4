//! Where the stream to the master is in its life, and when something about it is overdue.
//!
//! ```text
//!            deadline              Connected                Subscribed
//!  Waiting ────────────▶ Dialling ────────────▶ Subscribing ───────────▶ Subscribed
//!     ▲                     │                        │                       │
//!     └─────────────────────┴──── lost, too slow ────┴──── lost, silent ─────┘
//! ```
//!
//! Owns attempts, pauses, heartbeats and the patience without a master. Never touches offers or
//! tasks.

use std::time::Duration;

use stoker_types::{IdGenerator, Timestamp};

use super::backoff::Backoff;
use crate::Ending;

/// The pauses between attempts to reach a master.
const ATTEMPTS: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(15),
};
/// How long opening a stream, and then being taken in, may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
/// How many heartbeats may be missed before the master counts as gone.
const MISSED_HEARTBEATS: u32 = 5;
/// A master that does not say how often its heartbeats come is given this.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);
/// A subscription that held this long starts the pauses anew.
const STABLE: Duration = Duration::from_secs(15);

/// The stream to the master.
#[derive(Debug)]
pub(super) struct Connection {
    stage: Stage,
    /// Attempts since the last stable subscription.
    attempt: u32,
    patience: Option<Duration>,
    /// Since when there has been no subscription; meaningless while there is one.
    without_since: Timestamp,
    was_subscribed: bool,
    /// What the last attempt met.
    last_message: String,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Waiting {
        until: Timestamp,
    },
    Dialling {
        until: Timestamp,
    },
    Subscribing {
        until: Timestamp,
    },
    Subscribed {
        since: Timestamp,
        silent_at: Timestamp,
        silence: Duration,
    },
}

/// What a look at the clock shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It is time to try again.
    Attempt,
    /// The master has not been heard for too long.
    Silence(String),
    /// There has been no master for as long as the scheduler is ready to wait.
    Wait(Ending),
}

impl Connection {
    pub(super) fn new(patience: Option<Duration>, now: Timestamp) -> Self {
        Self {
            stage: Stage::Waiting { until: now },
            attempt: 0,
            patience,
            without_since: now,
            was_subscribed: false,
            last_message: "no attempt was made".to_owned(),
        }
    }

    pub(super) const fn is_subscribed(&self) -> bool {
        matches!(self.stage, Stage::Subscribed { .. })
    }

    pub(super) const fn is_subscribing(&self) -> bool {
        matches!(self.stage, Stage::Subscribing { .. })
    }

    /// Whether a stream is open or being opened.
    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Waiting { .. })
    }

    pub(super) fn dial(&mut self, now: Timestamp) {
        let until = now.after(STEP_TIMEOUT);
        self.stage = Stage::Dialling { until };
    }

    /// The stream is open; says whether one was asked for.
    pub(super) fn opened(&mut self, now: Timestamp) -> bool {
        let was_awaited = matches!(self.stage, Stage::Dialling { .. });
        if was_awaited {
            let until = now.after(STEP_TIMEOUT);
            self.stage = Stage::Subscribing { until };
        }
        was_awaited
    }

    pub(super) fn subscribed(&mut self, now: Timestamp, heartbeat: Duration) {
        let silence = heartbeat.max(SHORTEST_HEARTBEAT) * MISSED_HEARTBEATS;
        self.was_subscribed = true;
        self.stage = Stage::Subscribed {
            since: now,
            silent_at: now.after(silence),
            silence,
        };
    }

    /// The master is alive.
    pub(super) fn heard(&mut self, now: Timestamp) {
        if let Stage::Subscribed {
            silent_at, silence, ..
        } = &mut self.stage
        {
            *silent_at = now.after(*silence);
        }
    }

    /// The stream is gone; the next attempt is due after the time that this says, unless there was
    /// none.
    pub(super) fn lost(
        &mut self,
        now: Timestamp,
        message: &str,
        random: &mut IdGenerator,
    ) -> Option<Duration> {
        match self.stage {
            Stage::Waiting { .. } => return None,
            Stage::Dialling { .. } | Stage::Subscribing { .. } => {}
            Stage::Subscribed { since, .. } => {
                self.without_since = now;
                if now.since(since) >= STABLE {
                    self.attempt = 0;
                }
            }
        }
        message.clone_into(&mut self.last_message);
        let pause = ATTEMPTS.pause(self.attempt, random);
        self.attempt = self.attempt.saturating_add(1);
        let until = now.after(pause);
        self.stage = Stage::Waiting { until };
        Some(pause)
    }

    pub(super) fn deadline(&self) -> Timestamp {
        let stage = match self.stage {
            Stage::Waiting { until } | Stage::Dialling { until } | Stage::Subscribing { until } => {
                until
            }
            Stage::Subscribed { silent_at, .. } => silent_at,
        };
        self.patience_ends().map_or(stage, |end| end.min(stage))
    }

    pub(super) fn overdue(&self, now: Timestamp) -> Option<Overdue> {
        if self.patience_ends().is_some_and(|end| end <= now) {
            let waited = self.patience.unwrap_or_default();
            let message = self.last_message.clone();
            let ending = if self.was_subscribed {
                Ending::MasterLost { waited, message }
            } else {
                Ending::NoMaster { waited, message }
            };
            return Some(Overdue::Wait(ending));
        }
        match self.stage {
            Stage::Waiting { until } => (until <= now).then_some(Overdue::Attempt),
            Stage::Dialling { until } => (until <= now)
                .then(|| Overdue::Silence(format!("no connection within {STEP_TIMEOUT:?}"))),
            Stage::Subscribing { until } => (until <= now).then(|| {
                Overdue::Silence(format!(
                    "no answer to the subscription within {STEP_TIMEOUT:?}"
                ))
            }),
            Stage::Subscribed {
                silent_at, silence, ..
            } => (silent_at <= now)
                .then(|| Overdue::Silence(format!("the master was silent for {silence:?}"))),
        }
    }

    /// When the scheduler gives up, if it ever does and has no master.
    fn patience_ends(&self) -> Option<Timestamp> {
        let patience = self.patience.filter(|_| !self.is_subscribed())?;
        Some(self.without_since.after(patience))
    }
}
