//! Ends a local task from another thread, or from a signal's handler task.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use tokio::sync::Notify;

/// Ends one run, whenever it is asked to; clones end the same run.
#[derive(Clone, Debug, Default)]
pub struct Killer {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    is_killed: AtomicBool,
    changed: Notify,
}

impl Killer {
    /// Ends the run, at its next slice, or before it has begun.
    pub fn kill(&self) {
        self.inner.is_killed.store(true, SeqCst);
        self.inner.changed.notify_waiters();
    }

    /// Resolves when the run is to end.
    pub(super) async fn killed(&self) {
        loop {
            // Registered before the look, so that no kill in between is missed.
            let changed = self.inner.changed.notified();
            if self.inner.is_killed.load(SeqCst) {
                return;
            }
            changed.await;
        }
    }
}
