//! What tasks need before they can run: their modules, compiled, and their blobs: standard input and
//! inputs.
//!
//! ```text
//!  Prepare ─▶ file: ─ copy, hash ─┐                              ┌▶ store: compiled modules
//!             blob: ─ fetch, hash ┴▶ known? ─ no ─▶ compile ─────┘   and blobs, one budget
//!                                      └─ yes ─────────────────▶ sandbox staged, Prepared
//! ```
//!
//! `preparation` awaits all that one task needs, `workshop` makes each of it, `flights` has many
//! tasks share that, `file` and `blob` fetch, `compile` is the child process, `store` keeps what
//! came of it; `crate::inputs` puts inputs into the sandbox. Owns artifacts on this machine
//! and what pins them. Whether a task is to be prepared at all is the core's business.

mod blob;
mod compile;
mod failure;
mod file;
mod flights;
mod preparation;
mod store;
mod turns;
mod workshop;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
};

use stoker_agent_core::Input;
use stoker_types::{TaskKey, agent::Launch};
use tokio::{sync::mpsc, task::AbortHandle};

use crate::{data_directory::sandbox, inputs::drop_read_only, master_client::MasterChannel};
pub(crate) use compile::CompileSettings;
use preparation::{Preparation, give_up, remove};
use store::{Pin, Store, StoredFile};
use workshop::{Workshop, blob_name};

/// Compiled code that was checked and may be mapped.
pub(crate) type CompiledModule = StoredFile;

/// How artifacts are fetched, compiled and kept.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactSettings {
    /// The folder of all of it.
    pub(crate) folder: PathBuf,
    /// What it may take, in bytes.
    pub(crate) budget: u64,
    /// What the machine is called, for messages.
    pub(crate) hostname: String,
    /// The largest module.
    pub(crate) max_module: u64,
    /// The largest blob that is a standard input or an input.
    pub(crate) max_input: u64,
    /// Where sandboxes are made, on the disk that they are put to.
    pub(crate) staging: PathBuf,
    /// Where they are put.
    pub(crate) sandboxes: PathBuf,
    /// How modules are compiled.
    pub(crate) compile: CompileSettings,
}

/// What was done, for metrics.
#[derive(Debug, Default)]
pub(crate) struct ArtifactCounters {
    /// Tasks whose module was there, compiled.
    pub(crate) hits: AtomicU64,
    /// Modules compiled.
    pub(crate) compiled: AtomicU64,
    /// Modules that could not be fetched or compiled.
    pub(crate) failed: AtomicU64,
}

/// What tasks have of the store: by task, because a task gives back all of it at once.
type Holdings = Arc<Mutex<HashMap<TaskKey, Holding>>>;

#[derive(Debug)]
struct Holding {
    module: Option<Arc<CompiledModule>>,
    _stdin: Option<Pin>,
    /// Whether its sandbox holds inputs.
    is_staged: bool,
}

/// A preparation under way.
#[derive(Debug)]
struct UnderWay {
    running: AbortHandle,
    given_up: Arc<AtomicBool>,
    /// Whether it makes a sandbox.
    is_staged: bool,
}

/// All artifacts, as the driver sees them.
#[derive(Debug)]
pub(crate) struct Artifacts {
    workshop: Arc<Workshop>,
    inputs: mpsc::Sender<Input>,
    under_way: HashMap<TaskKey, UnderWay>,
    holdings: Holdings,
}

impl Artifacts {
    /// Opens the store. Preparations tell `inputs` how they go, and fetch from `master`.
    pub(crate) fn open(
        settings: ArtifactSettings,
        master: MasterChannel,
        inputs: mpsc::Sender<Input>,
    ) -> io::Result<Self> {
        let files = settings.folder.join("files");
        let store = Store::open(files, &settings.folder.join("key"), settings.budget)?;
        let workshop = Arc::new(Workshop::new(settings, store, master));
        // Asked now, so that the first task need not wait for it.
        let early = Arc::clone(&workshop);
        tokio::spawn(async move { early.ask_engine_key().await });
        Ok(Self {
            workshop,
            inputs,
            under_way: HashMap::new(),
            holdings: Holdings::default(),
        })
    }

    /// Keeps the stdin of a task that an earlier daemon launched, and notes what else it has.
    pub(crate) fn hold(&self, task: TaskKey, launch: &Launch) {
        let stdin = launch
            .task
            .stdin
            .and_then(|digest| self.workshop.store().pin(&blob_name(digest)));
        let is_staged = !launch.task.inputs.is_empty();
        if stdin.is_some() || is_staged {
            lock(&self.holdings).insert(
                task,
                Holding {
                    module: None,
                    _stdin: stdin,
                    is_staged,
                },
            );
        }
    }

    /// Fetches and compiles what a task needs. [`Input::Prepared`] follows, unless it is cancelled.
    pub(crate) fn prepare(&mut self, task: TaskKey, launch: Box<Launch>) {
        let given_up = Arc::default();
        let is_staged = !launch.task.inputs.is_empty();
        let preparation = Preparation {
            workshop: Arc::clone(&self.workshop),
            inputs: self.inputs.clone(),
            holdings: Arc::clone(&self.holdings),
            task: task.clone(),
            given_up: Arc::clone(&given_up),
        };
        let running = tokio::spawn(preparation.run(launch)).abort_handle();
        self.under_way.insert(
            task,
            UnderWay {
                running,
                given_up,
                is_staged,
            },
        );
    }

    /// The preparation of a task is over, and the core knows.
    pub(crate) fn prepared(&mut self, task: &TaskKey) {
        self.under_way.remove(task);
    }

    /// A task will not run: what it has of the store is given back.
    pub(crate) fn cancel(&mut self, task: &TaskKey) {
        let under_way = self.under_way.remove(task);
        let holding = lock(&self.holdings).remove(task);
        let mut is_staged = holding.is_some_and(|holding| holding.is_staged);
        let mut given_up = Arc::default();
        if let Some(under_way) = under_way {
            under_way.running.abort();
            is_staged |= under_way.is_staged;
            given_up = under_way.given_up;
        }
        if is_staged {
            give_up(&given_up, self.sandbox(task));
        }
    }

    /// A task is over: what it has of the store is given back, and what it could only read goes.
    pub(crate) fn release(&self, task: &TaskKey) {
        let holding = lock(&self.holdings).remove(task);
        if holding.is_some_and(|holding| holding.is_staged) {
            let place = self.sandbox(task);
            remove(move || drop_read_only(&place));
        }
    }

    fn sandbox(&self, task: &TaskKey) -> PathBuf {
        sandbox(&self.workshop.settings().sandboxes, task)
    }

    /// The module that was prepared for a task.
    pub(crate) fn module(&self, task: &TaskKey) -> Option<Arc<CompiledModule>> {
        lock(&self.holdings).get(task)?.module.clone()
    }

    /// What was done.
    pub(crate) fn counters(&self) -> Arc<ArtifactCounters> {
        Arc::clone(self.workshop.counters())
    }

    /// The bytes that the store takes.
    pub(crate) fn bytes(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let workshop = Arc::clone(&self.workshop);
        move || workshop.store().bytes()
    }
}

fn lock(holdings: &Holdings) -> MutexGuard<'_, HashMap<TaskKey, Holding>> {
    // Nothing that runs under the lock can leave it half changed.
    holdings.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod sandbox_tests;
#[cfg(test)]
mod tests;
