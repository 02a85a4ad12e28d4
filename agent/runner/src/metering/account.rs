//! What one task has used so far, and whether it is to stop: shared by its store, its fiber and
//! whoever asks.

use std::{
    sync::{
        OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Duration, Instant},
};

use stoker_types::Usage;
use tokio::sync::Notify;

/// Counters of one task. Each but the CPU time, to which several threads add, has one writer at a
/// time (the thread that polls the fiber), so that relaxed stores are enough.
#[derive(Debug, Default)]
pub(crate) struct Account {
    fuel: AtomicU64,
    cpu_nanos: AtomicU64,
    host_nanos: AtomicU64,
    suspended_nanos: AtomicU64,
    memory: AtomicU64,
    memory_peak: AtomicU64,
    bytes_written: AtomicU64,
    bytes_out: AtomicU64,
    began: OnceLock<Instant>,
    ended: OnceLock<Instant>,
    /// What of the CPU time the run queue has not been told.
    elsewhere_nanos: AtomicU64,
    stop: AtomicBool,
    /// Whether its module has a function to be called before it is stopped.
    has_stop_hook: AtomicBool,
    /// Whether that is to be called, and who waits to hear of it.
    asked: AtomicBool,
    asking: Notify,
    /// Whether it was.
    stop_hook_called: AtomicBool,
    /// How many slices have begun, and the fuel of the latest.
    slices: AtomicU64,
    slice_fuel: AtomicU64,
}

impl Account {
    /// The wall time of the task starts to run.
    pub(crate) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// When the wall time of the task started to run, if it did.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.began.get().copied()
    }

    /// The wall time of the task is over.
    pub(crate) fn end(&self) {
        self.ended.get_or_init(Instant::now);
    }

    /// The task's module has a function to be called before the task is stopped.
    pub(crate) fn set_has_stop_hook(&self) {
        self.has_stop_hook.store(true, Relaxed);
    }

    /// Whether there is such a function.
    pub(crate) fn has_stop_hook(&self) -> bool {
        self.has_stop_hook.load(Relaxed)
    }

    /// Has that function called when the guest yields or is woken next, and wakes it if it sleeps.
    pub(crate) fn ask_to_stop(&self) {
        self.asked.store(true, SeqCst);
        self.asking.notify_waiters();
    }

    /// Whether that function is to be called, or has been.
    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.asked.load(SeqCst)
    }

    /// Resolves when that function is to be called, or has been.
    pub(crate) async fn asked_to_stop(&self) {
        loop {
            // Registered before the look, so that nothing in between is missed.
            let asking = self.asking.notified();
            if self.is_asked_to_stop() {
                return;
            }
            asking.await;
        }
    }

    /// That function is called now.
    pub(crate) fn set_stop_hook_called(&self) {
        self.stop_hook_called.store(true, Relaxed);
    }

    /// Whether that function was called: how the task ends from then on, it ends because it was
    /// told to.
    pub(crate) fn is_stop_hook_called(&self) -> bool {
        self.stop_hook_called.load(Relaxed)
    }

    /// Has the task stop at once.
    pub(crate) fn request_stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Whether the task is to stop.
    pub(crate) fn is_stop_requested(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// The fuel used so far is `units`.
    pub(crate) fn set_fuel(&self, units: u64) {
        self.fuel.store(units, Relaxed);
    }

    /// The fuel used so far.
    pub(crate) fn fuel(&self) -> u64 {
        self.fuel.load(Relaxed)
    }

    /// A slice begins, of so much fuel.
    pub(crate) fn begin_slice(&self, fuel: u64) {
        self.slice_fuel.store(fuel, Relaxed);
        self.slices.fetch_add(1, Relaxed);
    }

    /// The number of the latest slice, counted from 1, and its fuel. Only for the thread that runs
    /// it.
    pub(crate) fn slice(&self) -> (u64, u64) {
        (self.slices.load(Relaxed), self.slice_fuel.load(Relaxed))
    }

    /// How many slices have begun.
    pub(crate) fn slices(&self) -> u64 {
        self.slices.load(Relaxed)
    }

    /// This much CPU time was used for the task by a thread that is no worker, while it lives.
    pub(crate) fn add_cpu_elsewhere(&self, time: Duration) {
        add(&self.cpu_nanos, time);
        add(&self.elsewhere_nanos, time);
    }

    /// What was [added](Self::add_cpu_elsewhere) since the last call.
    pub(crate) fn take_cpu_elsewhere(&self) -> Duration {
        if self.elsewhere_nanos.load(Relaxed) == 0 {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.elsewhere_nanos.swap(0, Relaxed))
    }

    /// This much CPU time was used for the task, by a worker or the reaper, or is its part of what
    /// was used for several.
    pub(crate) fn add_cpu(&self, time: Duration) {
        add(&self.cpu_nanos, time);
    }

    /// A host call took this much time, waiting excluded.
    pub(crate) fn add_host(&self, time: Duration) {
        add(&self.host_nanos, time);
    }

    /// The fiber did not run for this long between two slices.
    pub(crate) fn add_suspended(&self, time: Duration) {
        add(&self.suspended_nanos, time);
    }

    /// How long the fiber has not run in all.
    pub(crate) fn suspended_time(&self) -> Duration {
        Duration::from_nanos(self.suspended_nanos.load(Relaxed))
    }

    /// The task's memory is `bytes` now.
    pub(crate) fn saw_memory(&self, bytes: u64) {
        self.memory.store(bytes, Relaxed);
        self.memory_peak.fetch_max(bytes, Relaxed);
    }

    /// The guest wrote so many bytes to a file.
    pub(crate) fn add_written(&self, bytes: u64) {
        self.bytes_written.fetch_add(bytes, Relaxed);
    }

    /// The guest sent out so many bytes.
    pub(crate) fn add_out(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Relaxed);
    }

    /// What the guest has sent out, in bytes.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Relaxed)
    }

    /// All of it, for the task's status.
    pub(crate) fn usage(&self) -> Usage {
        let until = self.ended.get().copied().unwrap_or_else(Instant::now);
        let wall_time = self
            .began
            .get()
            .map(|began| until.saturating_duration_since(*began));
        Usage {
            fuel_used: self.fuel.load(Relaxed),
            cpu_time: Duration::from_nanos(self.cpu_nanos.load(Relaxed)),
            host_time: Duration::from_nanos(self.host_nanos.load(Relaxed)),
            // The daemon knows of that.
            compile_time: Duration::ZERO,
            mem: self.memory.load(Relaxed),
            mem_peak: self.memory_peak.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            wall_time: wall_time.unwrap_or_default(),
        }
    }
}

/// Adds `time` to a counter of nanoseconds.
fn add(nanos: &AtomicU64, time: Duration) {
    nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
}
