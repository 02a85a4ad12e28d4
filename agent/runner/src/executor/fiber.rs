//! One guest on its way through the workers.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use stoker_types::{Reason, runner::Outcome};

use super::{
    Share, Shared, cpu,
    dispatch::{Done, Next},
    reaper::Remains,
    run_queue::{Spent, TaskId},
};
use crate::metering::Account;

/// What an executor runs.
pub(crate) struct Job {
    /// The guest's life, from its instantiation to its end.
    pub(crate) life: Life,
    /// What it may have of the workers' time.
    pub(crate) share: Share,
    /// The wall time that its life bounds itself to, if it does: no ceiling makes it sleep longer.
    pub(crate) wall_time: Option<Duration>,
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
    /// What is left of it for the reaper to drop, if that takes long.
    pub(crate) remains: Option<Box<dyn Send>>,
}

/// Ends a job.
#[derive(Clone, Debug)]
pub(crate) struct Stopper {
    fiber: Arc<Fiber>,
}

impl Stopper {
    /// Ends the job with [`Outcome::Killed`]: at its next host call or the end of its slice if it
    /// runs, at once if it does not. Nothing happens if it has ended.
    pub(crate) fn stop(&self) {
        self.fiber.account.request_stop();
        self.fiber.end_unless_running();
    }

    /// Has the job's guest told that it is to end, if its module has a function for that: when it
    /// yields or is woken next. Says whether it has one; otherwise nothing happens.
    pub(crate) fn ask(&self) -> bool {
        let has_hook = self.fiber.account.has_stop_hook();
        if has_hook {
            self.fiber.account.ask_to_stop();
        }
        has_hook
    }
}

/// Waits for a wake.
const WAITING: u8 = 0;
/// In the queue, or on its way there.
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
    /// Its name in the queue.
    task: TaskId,
    wall_time: Option<Duration>,
    shared: Arc<Shared>,
}

struct Body {
    life: Life,
    on_end: OnEnd,
    suspended_at: Option<Instant>,
    /// The fuel that the queue knows of.
    booked_fuel: u64,
}

impl Fiber {
    pub(super) fn spawn(job: Job, shared: &Arc<Shared>) -> Stopper {
        let body = Body {
            life: job.life,
            on_end: job.on_end,
            suspended_at: None,
            booked_fuel: 0,
        };
        let fiber = shared.dispatch.admit(&job.share, |task| {
            Arc::new(Self {
                state: AtomicU8::new(QUEUED),
                body: Mutex::new(Some(body)),
                account: job.account,
                task,
                wall_time: job.wall_time,
                shared: Arc::clone(shared),
            })
        });
        Stopper { fiber }
    }

    /// Runs one slice of so much fuel. Only the worker whose turn this is calls it.
    pub(super) fn run(self: Arc<Self>, fuel: u64, now: Instant) -> Done {
        self.state.store(RUNNING, Release);
        let Some(mut body) = self.take_body() else {
            return self.done(Spent::default(), Next::Ended);
        };
        if self.account.is_stop_requested() {
            self.end(body, None);
            return self.done(Spent::default(), Next::Ended);
        }
        let (result, spent) = self.slice(&mut body, fuel, now);
        let finished = match result {
            Ok(Poll::Pending) if self.account.is_stop_requested() => None,
            Ok(Poll::Pending) => {
                *self.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
                return self.suspend(spent);
            }
            Ok(Poll::Ready(finished)) => Some(finished),
            Err(_panic) => Some(Finished::panicked()),
        };
        self.end(body, finished);
        self.done(spent, Next::Ended)
    }

    /// Polls once and books what that took.
    fn slice(
        self: &Arc<Self>,
        body: &mut Body,
        fuel: u64,
        now: Instant,
    ) -> (std::thread::Result<Poll<Finished>>, Spent) {
        let waker = Waker::from(Arc::clone(self));
        if let Some(at) = body.suspended_at {
            self.account
                .add_suspended(now.saturating_duration_since(at));
        }
        self.account.begin_slice(fuel);
        // What a panic leaves behind is dropped and never polled again.
        let result = catch_unwind(AssertUnwindSafe(|| {
            body.life.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        let cpu = cpu::claim();
        self.account.add_cpu(cpu);
        body.suspended_at = Some(Instant::now());
        let used = self.account.fuel();
        let spent = Spent {
            cpu: cpu + self.account.take_cpu_elsewhere(),
            fuel: used.saturating_sub(body.booked_fuel),
            wake_by: self
                .wall_time
                .and_then(|time| self.account.began()?.checked_add(time)),
        };
        body.booked_fuel = used;
        (result, spent)
    }

    /// After a slice: waits, or goes back into the queue if it was woken meanwhile.
    fn suspend(self: Arc<Self>, spent: Spent) -> Done {
        let waits = self
            .state
            .compare_exchange(RUNNING, WAITING, AcqRel, Acquire);
        if waits.is_ok() {
            return self.done(spent, Next::Waits);
        }
        self.state.store(QUEUED, Release);
        self.done(spent, Next::Again(Arc::clone(&self)))
    }

    /// Ends a job that is to stop, if it is not being polled: then the worker does it.
    fn end_unless_running(self: &Arc<Self>) {
        let mut state = self.state.load(Acquire);
        loop {
            let is_mine = match state {
                WAITING => self
                    .state
                    .compare_exchange_weak(WAITING, ENDED, AcqRel, Acquire)
                    .map(|_| true),
                // One that is not there is about to be: a worker looks before it polls.
                QUEUED => Ok(self.shared.dispatch.take(self.task).is_some()),
                _ => Ok(false),
            };
            match is_mine {
                Ok(true) => break,
                Ok(false) => return,
                Err(changed) => state = changed,
            }
        }
        if let Some(body) = self.take_body() {
            self.end(body, None);
        }
        self.shared.dispatch.retire(self.task);
    }

    /// Buries it at once if nothing is left, and sends it to the reaper otherwise.
    fn end(&self, body: Body, finished: Option<Finished>) {
        self.state.store(ENDED, Release);
        self.account.end();
        let Body { life, on_end, .. } = body;
        let remains = |outcome, remains| Remains {
            remains,
            outcome,
            account: Arc::clone(&self.account),
            on_end,
        };
        match finished {
            Some(Finished {
                outcome,
                remains: None,
            }) => remains(outcome, Box::new(life)).bury(),
            Some(finished) => {
                let left = Box::new((life, finished.remains));
                self.shared.bury(remains(finished.outcome, left));
            }
            None => self.shared.bury(remains(Outcome::Killed, Box::new(life))),
        }
    }

    fn done(&self, spent: Spent, next: Next) -> Done {
        Done {
            task: self.task,
            spent,
            next,
        }
    }

    /// Uncontended: a fiber is in one place at a time.
    fn take_body(&self) -> Option<Body> {
        self.body
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Wake for Fiber {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let cpu = cpu::claim_for_waker();
        if !cpu.is_zero() {
            self.account.add_cpu_elsewhere(cpu);
        }
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
                Ok(_) if next == QUEUED => {
                    let cpu = self.account.take_cpu_elsewhere();
                    let fiber = Arc::clone(self);
                    return self.shared.dispatch.push(self.task, fiber, cpu);
                }
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
            remains: None,
        }
    }
}

impl fmt::Debug for Fiber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fiber")
            .field("state", &self.state)
            .field("task", &self.task)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Job")
            .field("share", &self.share)
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
