//! Polls guests' fibers on worker threads, and drops what is left of them on a thread of its own.
//!
//! ```text
//!  spawn ──▶ RunQueue ──▶ worker ─ poll ─┬─ waits: its waker puts it back into the queue
//!               ▲                        ├─ yields at the end of a slice: back into the queue
//!               └────────────────────────┤
//!                                        └─ ended, or told to stop ──▶ reaper: drop, then tell
//! ```
//!
//! tokio's own scheduler knows no weights and charges no time, so guests never run on it; its
//! runtime (on the control thread) gives them timers, I/O and blocking threads.
//!
//! Who is next is decided in `run_queue` alone.

mod fiber;
mod reaper;
mod run_queue;
mod worker;

pub(crate) use fiber::{Finished, Job, Stopper};

use std::{io, sync::Arc};

use tokio::runtime::Handle;

use self::{
    fiber::Fiber,
    reaper::{Graveyard, Remains},
    run_queue::RunQueue,
};

/// The worker threads of a process and their reaper.
#[derive(Debug)]
pub(crate) struct Executor {
    shared: Arc<Shared>,
}

/// What fibers hold on to while they live.
#[derive(Debug)]
struct Shared {
    queue: RunQueue,
    graveyard: Graveyard,
}

impl Shared {
    fn bury(&self, remains: Remains) {
        if let Err(unsent) = self.graveyard.send(remains) {
            // The reaper is gone: this thread does its work.
            unsent.0.bury();
        }
    }
}

impl Executor {
    /// Starts `workers` threads, whose fibers find timers and I/O in the runtime of `control`.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub(crate) fn start(workers: usize, control: &Handle) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: RunQueue::default(),
            graveyard: reaper::start(control.clone())?,
        });
        let executor = Self { shared };
        for index in 0..workers {
            worker::start(index, Arc::clone(&executor.shared), control.clone())?;
        }
        Ok(executor)
    }

    /// Puts a job into the queue. It is told of its end exactly once, unless the executor is
    /// dropped before.
    pub(crate) fn spawn(&self, job: Job) -> Stopper {
        Fiber::spawn(job, Arc::clone(&self.shared))
    }
}

impl Drop for Executor {
    /// Ends each worker after its current slice, and waits for none: a guest that a worker cannot
    /// leave must not keep the process. What has not ended by then is never polled again.
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}
