//! One guest on its way through the workers.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering::AcqRel, Ordering::Acquire, Ordering::Release},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use stoker_types::{Reason, runner::Outcome};

use super::{Shared, reaper::Remains};
use crate::metering::Account;

/// What an executor runs.
pub(crate) struct Job {
    /// The guest's life, from its instantiation to its end.
    pub(crate) life: Life,
    /// Where its CPU time is booked and where it is told to stop.
    pub(crate) account: Arc<Account>,
    /// Told how it ended, after its memory is free.
    pub(crate) on_end: OnEnd,
}

pub(crate) type Life = Pin<Box<dyn Future<Output = Finished> + Send>>;
pub(crate) type OnEnd = Box<dyn FnOnce(Outcome) + Send>;

/// What a life ends with.
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// What is left of it, to be dropped by the reaper.
    pub(crate) remains: Box<dyn Send>,
}

/// Ends a job.
#[derive(Clone, Debug)]
pub(crate) struct Stopper {
    fiber: Arc<Fiber>,
}

impl Stopper {
    /// Ends the job with [`Outcome::Killed`]: at its next host call or the end of its slice if it
    /// runs, at once if it waits. Nothing happens if it has ended.
    pub(crate) fn stop(&self) {
        self.fiber.account.request_stop();
        self.fiber.wake_by_ref();
    }
}

/// Waits for a wake.
const WAITING: u8 = 0;
/// In the queue.
const QUEUED: u8 = 1;
/// Being polled.
const RUNNING: u8 = 2;
/// Being polled, and woken meanwhile.
const WOKEN: u8 = 3;
/// At the reaper.
const ENDED: u8 = 4;

/// A job and its place between queue and workers.
pub(super) struct Fiber {
    state: AtomicU8,
    body: Mutex<Option<Body>>,
    account: Arc<Account>,
    shared: Arc<Shared>,
}

struct Body {
    life: Life,
    on_end: OnEnd,
    suspended_at: Option<Instant>,
}

impl Fiber {
    pub(super) fn spawn(job: Job, shared: Arc<Shared>) -> Stopper {
        let fiber = Arc::new(Self {
            state: AtomicU8::new(QUEUED),
            body: Mutex::new(Some(Body {
                life: job.life,
                on_end: job.on_end,
                suspended_at: None,
            })),
            account: job.account,
            shared,
        });
        fiber.shared.queue.push(Arc::clone(&fiber));
        Stopper { fiber }
    }

    /// Runs one slice. Only the worker that took the fiber from the queue calls this.
    pub(super) fn run(self: Arc<Self>) {
        self.state.store(RUNNING, Release);
        // Uncontended: a fiber is in the queue at most once.
        let taken = self
            .body
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut body) = taken else { return };
        if self.account.is_stop_requested() {
            return self.end(body, None);
        }
        match self.slice(&mut body) {
            Ok(Poll::Ready(finished)) => self.end(body, Some(finished)),
            Ok(Poll::Pending) if self.account.is_stop_requested() => self.end(body, None),
            Ok(Poll::Pending) => {
                *self.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
                self.suspend();
            }
            Err(_panic) => self.end(body, Some(Finished::panicked())),
        }
    }

    /// Polls once and books the time of it.
    fn slice(self: &Arc<Self>, body: &mut Body) -> std::thread::Result<Poll<Finished>> {
        let waker = Waker::from(Arc::clone(self));
        if let Some(at) = body.suspended_at {
            self.account.add_suspended(at.elapsed());
        }
        let cpu_before = thread_cpu();
        // What a panic leaves behind is dropped and never polled again.
        let result = catch_unwind(AssertUnwindSafe(|| {
            body.life.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        self.account
            .add_cpu(thread_cpu().saturating_sub(cpu_before));
        body.suspended_at = Some(Instant::now());
        result
    }

    /// After a slice: waits, or goes back into the queue if it was woken meanwhile.
    fn suspend(self: Arc<Self>) {
        let waits = self
            .state
            .compare_exchange(RUNNING, WAITING, AcqRel, Acquire);
        if waits.is_err() {
            self.state.store(QUEUED, Release);
            self.shared.queue.push(Arc::clone(&self));
        }
    }

    /// Sends what is left to the reaper.
    fn end(&self, body: Body, finished: Option<Finished>) {
        self.state.store(ENDED, Release);
        self.account.end();
        let (outcome, remains): (_, Box<dyn Send>) = match finished {
            Some(finished) => (finished.outcome, Box::new((body.life, finished.remains))),
            None => (Outcome::Killed, Box::new(body.life)),
        };
        let remains = Remains {
            remains,
            outcome,
            on_end: body.on_end,
        };
        self.shared.bury(remains);
    }
}

impl Wake for Fiber {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.load(Acquire);
        loop {
            let next = match state {
                WAITING => QUEUED,
                RUNNING => WOKEN,
                _ => return,
            };
            match self
                .state
                .compare_exchange_weak(state, next, AcqRel, Acquire)
            {
                Ok(_) if next == QUEUED => return self.shared.queue.push(Arc::clone(self)),
                Ok(_) => return,
                Err(changed) => state = changed,
            }
        }
    }
}

impl Finished {
    /// The end of a life in which our own code failed.
    fn panicked() -> Self {
        Self {
            outcome: Outcome::Failed {
                reason: Reason::RunnerLost,
                message: "the runner failed while it ran the task; its log says where".to_owned(),
            },
            remains: Box::new(()),
        }
    }
}

/// The CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

impl fmt::Debug for Fiber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fiber")
            .field("state", &self.state)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Job")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Finished")
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
