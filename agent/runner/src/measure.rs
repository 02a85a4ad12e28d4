//! Guests without a cluster around them, for benchmarks: a crowd of copies of one module on the
//! workers of a runner, and what each of them has used.
//!
//! What is measured is what runs tasks; nothing of it is made for the measurement but this window.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use stoker_types::{GuestLimits, TaskInfo};
use tokio::{runtime::Handle, sync::oneshot};
use wasmtime::{Engine, InstancePre, Module};

use crate::{
    executor::{Executor, Share, Stopper},
    guest::Guest,
    metering::{Account, Metering},
    output::{CaptureSink, Output, Policy},
    task::{Assignment, Bounds, arguments, environment},
    wasi,
};

/// Copies of one module, each a task of its own.
#[derive(Debug)]
pub struct Crowd {
    guests: Vec<Member>,
    ended: mpsc::Receiver<()>,
    // Dropped after the guests have ended, and before the thread that they wait on.
    _executor: Executor,
    _control: Control,
}

#[derive(Debug)]
struct Member {
    stopper: Stopper,
    account: Arc<Account>,
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
    /// Starts a guest of `wasm` for each of `tasks`, of which resources and limits count, on so many
    /// workers and an engine with room for them. Returns when all have begun.
    ///
    /// # Errors
    /// If the module does not run here, or a thread cannot be started.
    pub fn start(
        engine: &Engine,
        wasm: &[u8],
        tasks: &[TaskInfo],
        workers: usize,
    ) -> wasmtime::Result<Self> {
        let module = Module::new(engine, wasm)?;
        let module = wasi::linker(engine)?.instantiate_pre(&module)?;
        let control = Control::start()?;
        let executor = Executor::start(workers, &control.handle)?;
        let (started, starts) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let start = |task| {
            let assignment = assignment(task, &module, &control.handle);
            let account = Arc::clone(&assignment.account);
            let (started, ending) = (started.clone(), ending.clone());
            let job = assignment.into_job(
                control.handle.clone(),
                // Nobody listens any more only when the crowd is gone.
                Box::new(move || started.send(()).unwrap_or_default()),
                Box::new(move |_outcome| ending.send(()).unwrap_or_default()),
            );
            Member {
                stopper: executor.spawn(job),
                account,
            }
        };
        let guests: Vec<Member> = tasks.iter().map(start).collect();
        drop(started);
        let begun = starts.into_iter().take(guests.len()).count();
        if begun < guests.len() {
            wasmtime::bail!("{} guests did not start", guests.len() - begun);
        }
        Ok(Self {
            guests,
            ended,
            _executor: executor,
            _control: control,
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
}

impl Drop for Crowd {
    /// Ends all guests, and waits for that.
    fn drop(&mut self) {
        for guest in &self.guests {
            guest.stopper.stop();
        }
        let _ended = self.ended.iter().take(self.guests.len()).count();
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
