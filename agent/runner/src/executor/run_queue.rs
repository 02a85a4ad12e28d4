//! Decides which fiber runs next: the policy of the scheduler, and nothing else of it.
//!
//! First come, first served. The weights of the fair scheduler belong here.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::fiber::Fiber;

/// The fibers that can run and do not.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    fibers: VecDeque<Arc<Fiber>>,
    idle_workers: usize,
    is_closed: bool,
}

impl RunQueue {
    /// `fiber` can run.
    pub(super) fn push(&self, fiber: Arc<Fiber>) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            drop(waiting);
            drop(fiber);
            return;
        }
        waiting.fibers.push_back(fiber);
        let wakes = waiting.idle_workers > 0;
        drop(waiting);
        if wakes {
            self.changed.notify_one();
        }
    }

    /// The fiber to run now, waiting for one; nothing once the queue is closed.
    pub(super) fn pop(&self) -> Option<Arc<Fiber>> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_closed {
                return None;
            }
            if let Some(fiber) = waiting.fibers.pop_front() {
                return Some(fiber);
            }
            waiting.idle_workers += 1;
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
            waiting.idle_workers -= 1;
        }
    }

    /// Ends all waiting; what is in the queue is dropped.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        let fibers = std::mem::take(&mut waiting.fibers);
        drop(waiting);
        self.changed.notify_all();
        drop(fibers);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No code that runs under the lock can leave it half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
