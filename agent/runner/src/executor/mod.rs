//! Polls guests' fibers on worker threads, and drops what is left of them on a thread of its own.
//!
//! ```text
//!  spawn ──▶ Dispatch ──▶ worker ─ poll ─┬─ waits: its waker puts it back
//!               ▲                        ├─ yields at the end of a slice: goes back
//!               └────────────────────────┼─ ended, little left: dropped and told at once
//!                                        └─ much left, or told to stop ──▶ reaper: drop, then tell
//! ```
//!
//! tokio's own scheduler knows no weights and charges no time, so guests never run on it; its
//! runtime (on the control thread) gives them timers, I/O and blocking threads.
//!
//! Who is next is decided in `run_queue` alone, whether anyone may run at all in `budget`.
//!
//! # Whose CPU time it is
//!
//! | thread | its CPU time is booked on |
//! | --- | --- |
//! | worker | the task whose slice it ran, with the way to it through the queue |
//! | blocking | the task that it wakes when it is done, or whose output it writes |
//! | reaper | the task that it buried |
//! | control | the task that it launches or wakes; once a second, those that ran share the rest |
//!
//! So the sum over a runner's tasks is the CPU time of its process, but for its start and for what
//! it does while it has no task.

mod budget;
mod cpu;
mod dispatch;
mod fiber;
mod load;
mod reaper;
mod run_queue;
mod share;
mod timer;
mod worker;

pub(crate) use cpu::{booked, claim};
pub(crate) use fiber::{Finished, Job, Stopper};
pub(crate) use load::LoadWatch;
pub(crate) use share::Share;

use std::{io, sync::Arc, time::Duration};

use tokio::runtime::Handle;

use self::{
    dispatch::Dispatch,
    fiber::Fiber,
    reaper::{Graveyard, Remains},
};

/// The worker threads of a process and their reaper.
#[derive(Debug)]
pub(crate) struct Executor {
    shared: Arc<Shared>,
}

/// What fibers hold on to while they live.
#[derive(Debug)]
struct Shared {
    dispatch: Dispatch,
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
            dispatch: Dispatch::new(workers),
            graveyard: reaper::start(control.clone())?,
        });
        let executor = Self { shared };
        for index in 0..workers {
            worker::start(index, Arc::clone(&executor.shared), control.clone())?;
        }
        // It ends by itself when the executor is dropped.
        drop(control.spawn(timer::run(Arc::clone(&executor.shared))));
        Ok(executor)
    }

    /// Puts a job into the queue. It is told of its end exactly once, unless the executor is
    /// dropped before.
    pub(crate) fn spawn(&self, job: Job) -> Stopper {
        Fiber::spawn(job, &self.shared)
    }

    /// Bounds the CPU time that the whole process may use in each [`BUDGET_WINDOW`], of which one
    /// begins so long after one of the machine's: the workers pause when it is used up.
    ///
    /// [`BUDGET_WINDOW`]: stoker_types::runner::BUDGET_WINDOW
    pub(crate) fn set_budget(&self, cpu: Option<Duration>, offset: Duration) {
        self.shared.dispatch.set_budget(cpu, offset);
    }

    /// Tells of each change in how busy the process is.
    pub(crate) fn watch_load(&self) -> LoadWatch {
        LoadWatch::new(Arc::clone(&self.shared))
    }
}

impl Drop for Executor {
    /// Ends each worker after its current slice, and waits for none: a guest that a worker cannot
    /// leave must not keep the process. What has not ended by then is never polled again.
    fn drop(&mut self) {
        self.shared.dispatch.close();
    }
}
