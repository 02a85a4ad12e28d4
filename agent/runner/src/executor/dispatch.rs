//! The run queue between threads: workers take their turns here, wakers and the control thread put
//! fibers in.
//!
//! Owns the lock, and who is to be woken after each change. Decides nothing: what is next is
//! `run_queue`'s, whether anything may run at all is `budget`'s.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{
    Share,
    budget::{Budget, Clocks, into_window},
    cpu,
    fiber::Fiber,
    run_queue::{RunQueue, Spent, TaskId, Turn},
};

/// A run queue that threads share.
#[derive(Debug)]
pub(super) struct Dispatch {
    state: Mutex<State>,
    /// Told when there may be a turn for a worker that waits.
    has_turn: Condvar,
    /// Told when a debt is paid earlier than the timer knows of.
    earlier_release: Notify,
    /// Told when the first fiber can run after there was none.
    activity: Notify,
}

#[derive(Debug)]
struct State {
    queue: RunQueue<Arc<Fiber>>,
    budget: Budget,
    idle_workers: usize,
    is_closed: bool,
    /// When the timer looks next; never if it waits to be told.
    timer_looks: Option<Instant>,
    /// Whether somebody waits for [`Dispatch::activity`].
    is_watched: bool,
}

/// What became of a turn.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) task: TaskId,
    pub(super) spent: Spent,
    pub(super) next: Next,
}

/// What a fiber does after its turn.
#[derive(Debug)]
pub(super) enum Next {
    /// It can go on.
    Again(Arc<Fiber>),
    /// It is woken by someone.
    Waits,
    /// Nothing; its task is over.
    Ended,
}

impl Dispatch {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            state: Mutex::new(State {
                queue: RunQueue::new(workers, Instant::now()),
                budget: Budget::default(),
                idle_workers: 0,
                is_closed: false,
                timer_looks: None,
                is_watched: false,
            }),
            has_turn: Condvar::new(),
            earlier_release: Notify::new(),
            activity: Notify::new(),
        }
    }

    /// Takes a new task in, whose only fiber is what `make` makes of its name.
    pub(super) fn admit(
        &self,
        share: &Share,
        make: impl FnOnce(TaskId) -> Arc<Fiber>,
    ) -> Arc<Fiber> {
        let now = Instant::now();
        let mut state = self.lock();
        let task = state.queue.admit(share, now);
        let fiber = make(task);
        if !state.is_closed {
            let fiber = Arc::clone(&fiber);
            state.queue.push(task, fiber, Duration::ZERO, now);
        }
        self.tell(state);
        fiber
    }

    /// A fiber can go on; `cpu` time was spent on its behalf while it waited.
    pub(super) fn push(&self, task: TaskId, fiber: Arc<Fiber>, cpu: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            drop(fiber);
            return;
        }
        state.queue.push(task, fiber, cpu, now);
        self.tell(state);
    }

    /// The next turn of a worker that has `done` one, waiting for it; nothing once this is closed.
    pub(super) fn turn(&self, done: Option<Done>) -> Option<(Turn<Arc<Fiber>>, Instant)> {
        let mut now = Instant::now();
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            drop(done);
            return None;
        }
        if let Some(done) = done {
            state.book(done, now);
        }
        loop {
            let pause = state.pause(now);
            if pause.is_none()
                && let Some(turn) = state.queue.pop(now)
            {
                self.tell(state);
                return Some((turn, now));
            }
            state = self.wait(state, pause);
            if state.is_closed {
                return None;
            }
            now = Instant::now();
        }
    }

    /// Takes a task's fiber out, if it can run and has not had its turn.
    pub(super) fn take(&self, task: TaskId) -> Option<Arc<Fiber>> {
        self.lock().queue.take(task, Instant::now())
    }

    /// Forgets a task that has no fiber here.
    pub(super) fn retire(&self, task: TaskId) {
        self.lock().queue.retire(task, Instant::now());
    }

    /// Sets the CPU time that the process may use in each window, and where windows begin.
    pub(super) fn set_budget(&self, per_window: Option<Duration>, offset: Duration) {
        let mut state = self.lock();
        let now = Instant::now();
        let process = clocks(&state.queue, now);
        let into_window = into_window(cpu::since_boot(), offset);
        let bound = per_window.map(|per_window| (per_window, now - into_window));
        state.budget.set(bound, now, process);
        drop(state);
        self.has_turn.notify_all();
    }

    /// The windows so far in which the workers had to pause.
    pub(super) fn throttled_windows(&self) -> u64 {
        self.lock().budget.throttled_windows()
    }

    /// Ends all waiting; what can run is dropped.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let fibers = state.queue.drain();
        drop(state);
        self.has_turn.notify_all();
        self.earlier_release.notify_one();
        drop(fibers);
    }

    /// Lets those go on whose debts are paid, and tells when that is to be done again, if it is.
    ///
    /// # Errors
    /// When this is closed.
    pub(super) fn release(&self) -> Result<Option<Instant>, Closed> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(Closed);
        }
        state.queue.release(Instant::now());
        let next = state.queue.next_release();
        state.timer_looks = next;
        self.tell(state);
        Ok(next)
    }

    /// Resolves when [`Self::release`] has something to do earlier than it said.
    pub(super) async fn earlier_release(&self) {
        self.earlier_release.notified().await;
    }

    /// The CPU time that the workers could have used since the beginning.
    pub(super) fn wanted(&self) -> Duration {
        self.lock().queue.wanted(Instant::now())
    }

    /// Resolves when a fiber can run.
    pub(super) async fn active(&self) {
        {
            let mut state = self.lock();
            if !state.queue.is_idle() {
                return;
            }
            state.is_watched = true;
        }
        self.activity.notified().await;
    }

    /// Waits for a turn, or for the end of a pause that keeps one from being had.
    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        pause: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        // A turn just booked may have left a debt.
        if state.has_earlier_release() {
            self.earlier_release.notify_one();
        }
        state.idle_workers += 1;
        let pause = pause.filter(|_| state.queue.has_turn());
        let mut state = match pause {
            None => self
                .has_turn
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let time = until.saturating_duration_since(Instant::now());
                let waited = self.has_turn.wait_timeout(state, time);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.idle_workers -= 1;
        state
    }

    /// After a change: wakes whoever it concerns.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let wakes_worker = state.idle_workers > 0 && state.queue.has_turn();
        let wakes_timer = state.has_earlier_release();
        let wakes_watcher = state.is_watched && !state.queue.is_idle();
        state.is_watched &= !wakes_watcher;
        drop(state);
        if wakes_worker {
            self.has_turn.notify_one();
        }
        if wakes_timer {
            self.earlier_release.notify_one();
        }
        if wakes_watcher {
            self.activity.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that runs under the lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There will be no more turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

fn clocks(queue: &RunQueue<Arc<Fiber>>, now: Instant) -> Clocks {
    Clocks {
        used: cpu::of_process(),
        wanted: queue.wanted(now),
    }
}

impl State {
    fn pause(&mut self, now: Instant) -> Option<Instant> {
        let Self { queue, budget, .. } = self;
        budget.pause(now, || clocks(queue, now))
    }

    fn book(&mut self, done: Done, now: Instant) {
        let Done { task, spent, next } = done;
        self.budget.charge(spent.cpu);
        match next {
            Next::Again(fiber) => self.queue.finish(task, spent, Some(fiber), now),
            Next::Waits => self.queue.finish(task, spent, None, now),
            Next::Ended => {
                self.queue.finish(task, spent, None, now);
                self.queue.retire(task, now);
            }
        }
    }

    /// Whether a debt is paid before the timer looks; it is told of that once.
    fn has_earlier_release(&mut self) -> bool {
        let Some(next) = self.queue.next_release() else {
            return false;
        };
        if self.timer_looks.is_some_and(|at| at <= next) {
            return false;
        }
        self.timer_looks = Some(next);
        true
    }
}
