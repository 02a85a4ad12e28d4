//! Guests without a cluster around them, for benchmarks: what runs tasks in a runner, and what each
//! guest has used.
//!
//! What is measured is what runs tasks; nothing of it is made for the measurement but this window.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use stoker_types::{GuestLimits, TaskInfo};
use tokio::{runtime::Handle, sync::oneshot};
use wasmtime::{InstancePre, Module};

use crate::{
    executor::{Executor, Share, Stopper},
    guest::Guest,
    metering::{Account, Metering},
    output::{CaptureSink, Output, Policy},
    task::{Assignment, Bounds, arguments, environment},
    wasi,
};

/// The threads of a runner, for guests of one module.
pub struct Workers(Arc<Threads>);

struct Threads {
    module: InstancePre<Guest>,
    // Dropped before the thread that its timers wait on.
    executor: Executor,
    control: Control,
}

impl Workers {
    /// Starts so many workers, with a reaper and a control thread, for a module whose engine has room
    /// for its guests.
    ///
    /// # Errors
    /// If the module does not run here, or a thread cannot be started.
    pub fn start(module: &Module, workers: usize) -> wasmtime::Result<Self> {
        let module = wasi::linker(module.engine())?.instantiate_pre(module)?;
        let control = Control::start()?;
        let executor = Executor::start(workers, &control.handle)?;
        Ok(Self(Arc::new(Threads {
            module,
            executor,
            control,
        })))
    }

    /// Runs `count` copies of a task from nothing to nothing left, `at_once` of them at a time:
    /// whoever ends leaves its place to the next.
    pub fn run(&self, task: &TaskInfo, count: usize, at_once: usize) {
        let (running, over) = mpsc::channel();
        let queue = Arc::new(Queue {
            threads: Arc::clone(&self.0),
            task: task.clone(),
            left: AtomicUsize::new(count),
            _running: running,
        });
        (0..at_once).for_each(|_| queue.next());
        drop(queue);
        // Until the last one lets go of the queue.
        let _over: Result<(), _> = over.recv();
    }

    /// Runs a task, and says what CPU time it took.
    #[must_use]
    pub fn time(&self, task: &TaskInfo) -> Duration {
        let (ending, ended) = mpsc::channel();
        let (_stopper, account) =
            self.0
                .spawn(task, || (), move || ending.send(()).unwrap_or_default());
        // Its end is told, or its job was dropped: either way it is over.
        let _over = ended.recv();
        account.usage().cpu_time
    }
}

/// Tasks that take one another's place.
struct Queue {
    threads: Arc<Threads>,
    task: TaskInfo,
    left: AtomicUsize,
    _running: mpsc::Sender<()>,
}

impl Queue {
    fn next(self: &Arc<Self>) {
        let less = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Relaxed, Relaxed, less).is_ok() {
            let queue = Arc::clone(self);
            self.threads.spawn(&self.task, || (), move || queue.next());
        }
    }
}

impl Threads {
    fn spawn(
        &self,
        task: &TaskInfo,
        on_start: impl FnOnce() + Send + 'static,
        on_end: impl FnOnce() + Send + 'static,
    ) -> (Stopper, Arc<Account>) {
        let assignment = assignment(task, &self.module, &self.control.handle);
        let account = Arc::clone(&assignment.account);
        let job = assignment.into_job(
            self.control.handle.clone(),
            Box::new(on_start),
            Box::new(move |_outcome| on_end()),
        );
        (self.executor.spawn(job), account)
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Workers").finish_non_exhaustive()
    }
}

/// Copies of one module that run at the same time, each a task of its own.
#[derive(Debug)]
pub struct Crowd {
    guests: Vec<Member>,
    ended: mpsc::Receiver<usize>,
    _workers: Workers,
}

#[derive(Debug)]
struct Member {
    stopper: Stopper,
    account: Arc<Account>,
    is_over: bool,
}

/// What a guest has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU time.
    pub cpu: Duration,
    /// Fuel, in units.
    pub fuel: u64,
}

impl Crowd {
    /// Starts a guest for each of `tasks`, of which resources and limits count. Returns when all
    /// have begun.
    ///
    /// # Errors
    /// If one does not begin.
    pub fn start(workers: Workers, tasks: &[TaskInfo]) -> wasmtime::Result<Self> {
        let (started, starts) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let start = |(index, task)| {
            let (started, ending) = (started.clone(), ending.clone());
            // Nobody listens any more only when the crowd is gone.
            let (stopper, account) = workers.0.spawn(
                task,
                move || started.send(()).unwrap_or_default(),
                move || ending.send(index).unwrap_or_default(),
            );
            Member {
                stopper,
                account,
                is_over: false,
            }
        };
        let guests: Vec<Member> = tasks.iter().enumerate().map(start).collect();
        drop(started);
        let begun = starts.into_iter().take(guests.len()).count();
        if begun < guests.len() {
            wasmtime::bail!("{} guests did not start", guests.len() - begun);
        }
        Ok(Self {
            guests,
            ended,
            _workers: workers,
        })
    }

    /// What each guest has used, as of its latest slice.
    #[must_use]
    pub fn used(&self) -> Vec<Used> {
        let used = |guest: &Member| Used {
            cpu: guest.account.usage().cpu_time,
            fuel: guest.account.fuel(),
        };
        self.guests.iter().map(used).collect()
    }

    /// Ends the guest at `index` as a kill does; says how long it took until its memory was free.
    ///
    /// # Panics
    /// If there is none.
    pub fn kill(&mut self, index: usize) -> Duration {
        let start = Instant::now();
        self.guests[index].stopper.stop();
        while !self.guests[index].is_over
            && let Ok(over) = self.ended.recv()
        {
            self.guests[over].is_over = true;
        }
        start.elapsed()
    }
}

impl Drop for Crowd {
    /// Ends all guests, and waits for that.
    fn drop(&mut self) {
        let running = self.guests.iter().filter(|guest| !guest.is_over);
        let count = running.map(|guest| guest.stopper.stop()).count();
        let _ended = self.ended.iter().take(count).count();
    }
}

fn assignment(task: &TaskInfo, module: &InstancePre<Guest>, control: &Handle) -> Assignment {
    let (sink, _captures) = CaptureSink::new(0);
    let account = Arc::new(Account::default());
    let written = Arc::clone(&account);
    Assignment {
        module: module.clone(),
        bounds: Bounds::of(task, GuestLimits::default()),
        share: Share::of(task),
        metering: Metering::default(),
        account,
        arguments: arguments(task),
        environment: environment(task, &[]),
        stdin: None,
        output: Output::new(
            Policy::with_cap(0),
            Box::new(sink),
            control.clone(),
            written,
        ),
        folders: Vec::new(),
        disk: None,
    }
}

/// A thread with a runtime, until this is dropped.
#[derive(Debug)]
struct Control {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl Control {
    fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                // It ends when the sender is dropped.
                drop(runtime.block_on(ended));
            })?;
        Ok(Self { handle, _end: end })
    }
}
