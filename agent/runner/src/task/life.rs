//! Lives the life of one task.

use std::{fs::File, io, path::PathBuf, sync::Arc, time::Duration};

use stoker_types::{GuestLimits, Reason, TaskInfo, runner::Outcome};
use tokio::runtime::Handle;
use wasmtime::{InstancePre, Store};

use super::{ENTRY, outcome};
use crate::{
    executor::{Finished, Job, Share},
    guest::Guest,
    limits::{self, MemoryLimiter},
    metering::{Account, Meter, Metering, stop_hook},
    output::Output,
    wasi::{Disk, Folder, Quota, Surroundings},
};

/// What a task may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Memory, in bytes.
    pub(crate) memory: u64,
    /// Fuel in all, in units.
    pub(crate) fuel: Option<u64>,
    /// Wall time from its instantiation.
    pub(crate) wall_time: Option<Duration>,
    /// Everything else of the host's.
    pub(crate) limits: GuestLimits,
}

impl Bounds {
    /// What the task asks for, as far as its agent allows it.
    pub(crate) fn of(task: &TaskInfo, limits: GuestLimits) -> Self {
        Self {
            memory: task.resources.mem,
            fuel: limits.fuel_budget(task.limits.fuel_budget),
            wall_time: limits.wall_time(task.limits.wall_time),
            limits,
        }
    }
}

/// A task that is ready to be run.
pub(crate) struct Assignment {
    /// Its module, with its imports resolved.
    pub(crate) module: InstancePre<Guest>,
    /// What it may use.
    pub(crate) bounds: Bounds,
    /// What it may have of the workers' time.
    pub(crate) share: Share,
    /// How its module counts its work.
    pub(crate) metering: Metering,
    /// What it has used.
    pub(crate) account: Arc<Account>,
    /// All arguments, `argv[0]` first.
    pub(crate) arguments: Vec<String>,
    /// Its environment.
    pub(crate) environment: Vec<(String, String)>,
    /// What it reads.
    pub(crate) stdin: Option<Stdin>,
    /// Where it writes.
    pub(crate) output: Output,
    /// The folders that it works in.
    pub(crate) folders: Vec<Folder>,
    /// The folder of its own to make first: its `.`.
    pub(crate) disk: Option<Disk>,
}

impl Assignment {
    /// The job that lives this task's life on an executor. `on_start` is told when the first of
    /// the guest's code is about to run; `on_end`, how it ended, when all output has reached the
    /// sink.
    pub(crate) fn into_job(
        self,
        control: Handle,
        on_start: Box<dyn FnOnce() + Send>,
        on_end: Box<dyn FnOnce(Outcome) + Send>,
    ) -> Job {
        let output = self.output.clone();
        let account = Arc::clone(&self.account);
        if stop_hook::is_exported(&self.module) {
            account.set_has_stop_hook();
        }
        Job {
            share: self.share,
            wall_time: self.bounds.wall_time,
            account,
            life: Box::pin(live(self, control, on_start)),
            on_end: Box::new(move |outcome| output.end(Box::new(move || on_end(outcome)))),
        }
    }
}

/// Runs the task to its end.
///
/// A life is kept as long as its guest, and tens of thousands of guests sleep: so all that is over
/// before a guest's code runs is boxed, and gone by then.
fn live(
    assignment: Assignment,
    control: Handle,
    on_start: Box<dyn FnOnce() + Send>,
) -> impl Future<Output = Finished> + Send {
    let account = Arc::clone(&assignment.account);
    let output = assignment.output.clone();
    let module = assignment.module.clone();
    let wall_time = assignment.bounds.wall_time;
    let preparation = Box::pin(prepare(assignment, control, on_start));
    async move {
        account.begin();
        let mut store = match preparation.await {
            Ok(store) => store,
            Err(error) => {
                return Finished {
                    outcome: not_launched(&error),
                    remains: None,
                };
            }
        };
        let result = match wall_time {
            Some(time) => tokio::time::timeout(time, call(&mut store, &module)).await,
            None => Ok(call(&mut store, &module).await),
        };
        Meter::settle(&mut store);
        let outcome = match result {
            Ok(result) => outcome::of(&result, store.data(), &output),
            Err(_elapsed) => outcome::past_deadline(wall_time.unwrap_or_default()),
        };
        let remains: Option<Box<dyn Send>> = if store.data().is_light() {
            drop(store);
            None
        } else {
            Some(Box::new(store))
        };
        Finished { outcome, remains }
    }
}

/// Instantiates the module and calls its entry: all of the guest's code runs in here.
async fn call(store: &mut Store<Guest>, module: &InstancePre<Guest>) -> wasmtime::Result<()> {
    let instance = Box::pin(module.instantiate_async(&mut *store)).await?;
    stop_hook::find(store, instance)?;
    let entry = instance.get_typed_func::<(), ()>(&mut *store, ENTRY)?;
    entry.call_async(store, ()).await
}

/// Makes the guest's folder and store.
async fn prepare(
    assignment: Assignment,
    control: Handle,
    on_start: Box<dyn FnOnce() + Send>,
) -> wasmtime::Result<Store<Guest>> {
    let Assignment {
        module,
        bounds,
        share: _,
        metering,
        account,
        arguments,
        environment,
        stdin,
        output,
        mut folders,
        disk,
    } = assignment;
    let mut quota = Quota::none();
    if let Some(disk) = disk {
        let (folder, of_folder) = prepare_disk(disk, &control).await?;
        folders.insert(0, folder);
        quota = of_folder;
    }
    let stdin = stdin.map(Stdin::open).transpose()?;
    let surroundings = Surroundings {
        arguments,
        environment,
        stdin,
        output,
        folders,
    };
    let guest = Guest {
        quota,
        wasi: surroundings.into_context(&control, &bounds.limits)?,
        limits: bounds.limits,
        memory: MemoryLimiter::new(bounds.memory, &bounds.limits, Arc::clone(&account)),
        meter: Meter::new(metering, account, bounds.fuel, on_start),
    };
    let mut store = Store::new(module.module().engine(), guest);
    limits::enforce(&mut store, &bounds.limits);
    Meter::arm(&mut store)?;
    Ok(store)
}

/// A file that a guest reads as its standard input.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// Open already.
    Open(File),
    /// Yet to be opened.
    At(PathBuf),
}

impl Stdin {
    fn open(self) -> wasmtime::Result<File> {
        let path = match self {
            Self::Open(file) => return Ok(file),
            Self::At(path) => path,
        };
        File::open(&path).map_err(|error| {
            wasmtime::Error::msg(format!("the task's stdin, {}: {error}", path.display()))
        })
    }
}

/// Making a folder, and looking at what is in it, takes long enough not to hold a worker.
async fn prepare_disk(disk: Disk, control: &Handle) -> wasmtime::Result<(Folder, Quota)> {
    let path = disk.work.clone();
    let prepared = control.spawn_blocking(move || disk.prepare()).await;
    prepared
        .map_err(io::Error::other)
        .and_then(|result| result)
        .map_err(|error| {
            wasmtime::Error::msg(format!("the task's folder, {}: {error}", path.display()))
        })
}

fn not_launched(error: &wasmtime::Error) -> Outcome {
    Outcome::Failed {
        reason: Reason::LaunchFailed,
        message: format!("the task could not be started: {error:#}"),
    }
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Assignment")
            .field("bounds", &self.bounds)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
