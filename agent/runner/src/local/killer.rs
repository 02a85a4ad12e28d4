//! Ends a local task from another thread, or from a signal's handler task.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use tokio::sync::Notify;

/// Ends one run, whenever it is asked to; clones end the same run.
#[derive(Clone, Debug, Default)]
pub struct Killer {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// [`ASKED`] or [`KILLED`]; zero before.
    state: AtomicU8,
    changed: Notify,
}

const ASKED: u8 = 1;
const KILLED: u8 = 2;

impl Killer {
    /// Ends the run: before it has begun at once; later a guest that exports `stoker_stop` is told
    /// first, and has its grace.
    pub fn ask(&self) {
        self.raise(ASKED);
    }

    /// Ends the run, at its next slice, or before it has begun.
    pub fn kill(&self) {
        self.raise(KILLED);
    }

    fn raise(&self, state: u8) {
        self.inner.state.fetch_max(state, SeqCst);
        self.inner.changed.notify_waiters();
    }

    /// Resolves when the run is to end, at once or not.
    pub(super) async fn asked(&self) {
        self.reaches(ASKED).await;
    }

    /// Resolves when the run is to end at once.
    pub(super) async fn killed(&self) {
        self.reaches(KILLED).await;
    }

    async fn reaches(&self, state: u8) {
        loop {
            // Registered before the look, so that no change in between is missed.
            let changed = self.inner.changed.notified();
            if self.inner.state.load(SeqCst) >= state {
                return;
            }
            changed.await;
        }
    }
}
