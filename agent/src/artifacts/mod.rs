//! What tasks need before they can run: their modules, compiled, and their stdin blobs.
//!
//! ```text
//!  Prepare ─▶ file: ─ copy, hash ─┐                              ┌▶ store: compiled modules
//!             blob: ─ fetch, hash ┴▶ known? ─ no ─▶ compile ─────┘   and blobs, one budget
//!                                      └─ yes ─────────────────▶ Prepared
//! ```
//!
//! `workshop` does one preparation, `flights` makes many tasks share one, `file` and `blob` fetch,
//! `compile` is the child process, `store` keeps what came of it. Owns artifacts on this machine
//! and what pins them. Whether a task is to be prepared at all is the core's business.

mod blob;
mod compile;
mod failure;
mod file;
mod flights;
mod store;
mod workshop;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use stoker_agent_core::{Input, PreparePhase, Prepared};
use stoker_types::{TaskKey, agent::Launch};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};

use crate::master_client::MasterChannel;
pub(crate) use compile::CompileSettings;
use store::{Pin, Store, StoredFile};
use workshop::{Workshop, stdin_name};

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
    /// The largest stdin blob.
    pub(crate) max_input: u64,
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
}

/// All artifacts, as the driver sees them.
#[derive(Debug)]
pub(crate) struct Artifacts {
    workshop: Arc<Workshop>,
    inputs: mpsc::Sender<Input>,
    under_way: HashMap<TaskKey, AbortHandle>,
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

    /// Keeps the stdin of a task that an earlier daemon launched.
    pub(crate) fn hold_stdin(&self, task: TaskKey, launch: &Launch) {
        let stdin = launch
            .task
            .stdin
            .and_then(|digest| self.workshop.store().pin(&stdin_name(digest)));
        if stdin.is_some() {
            lock(&self.holdings).insert(
                task,
                Holding {
                    module: None,
                    _stdin: stdin,
                },
            );
        }
    }

    /// Fetches and compiles what a task needs. [`Input::Prepared`] follows, unless it is cancelled.
    pub(crate) fn prepare(&mut self, task: TaskKey, launch: Box<Launch>) {
        let preparation = Preparation {
            workshop: Arc::clone(&self.workshop),
            inputs: self.inputs.clone(),
            holdings: Arc::clone(&self.holdings),
            task: task.clone(),
        };
        let running = tokio::spawn(preparation.run(launch));
        self.under_way.insert(task, running.abort_handle());
    }

    /// The preparation of a task is over, and the core knows.
    pub(crate) fn prepared(&mut self, task: &TaskKey) {
        self.under_way.remove(task);
    }

    /// A task will not run: what it has of the store is given back.
    pub(crate) fn cancel(&mut self, task: &TaskKey) {
        if let Some(running) = self.under_way.remove(task) {
            running.abort();
        }
        self.release(task);
    }

    /// A task is over: what it has of the store is given back.
    pub(crate) fn release(&self, task: &TaskKey) {
        lock(&self.holdings).remove(task);
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

/// One task's preparation.
struct Preparation {
    workshop: Arc<Workshop>,
    inputs: mpsc::Sender<Input>,
    holdings: Holdings,
    task: TaskKey,
}

impl Preparation {
    async fn run(self, launch: Box<Launch>) {
        let module = self.workshop.module(&launch.task);
        let stdin = launch.task.stdin.map(|digest| self.workshop.stdin(digest));
        let phases = [
            Some(module.phase),
            stdin.as_ref().map(|seat| seat.phase.clone()),
        ];
        let work = async {
            let stdin = async {
                match stdin {
                    Some(seat) => seat.result.await.map(Some),
                    None => Ok(None),
                }
            };
            tokio::try_join!(module.result, stdin)
        };
        let done = tokio::select! {
            biased;
            done = work => done,
            never = self.tell_phases(phases) => never,
        };
        let result = done.map(|(module, stdin)| {
            let prepared = Prepared {
                module: module.key,
                stdin: stdin
                    .as_ref()
                    .map(|file| file.path().to_string_lossy().into_owned()),
            };
            let holding = Holding {
                module: Some(module.file),
                _stdin: stdin.as_deref().map(StoredFile::pin),
            };
            lock(&self.holdings).insert(self.task.clone(), holding);
            prepared
        });
        // A driver that is gone needs no answer.
        drop(
            self.inputs
                .send(Input::Prepared {
                    task: self.task,
                    result,
                })
                .await,
        );
    }

    /// Tells each phase that is reached. Never ends.
    async fn tell_phases<T>(
        &self,
        phases: [Option<watch::Receiver<Option<PreparePhase>>>; 2],
    ) -> T {
        let [module, stdin] = phases;
        tokio::join!(self.tell_phase(module), self.tell_phase(stdin));
        std::future::pending().await
    }

    async fn tell_phase(&self, phase: Option<watch::Receiver<Option<PreparePhase>>>) {
        let Some(mut receiver) = phase else { return };
        let mut told = None;
        loop {
            let reached = match receiver
                .wait_for(|phase| phase.is_some() && *phase != told)
                .await
            {
                Ok(phase) => *phase,
                Err(_) => return,
            };
            told = reached;
            if let Some(phase) = reached {
                let input = Input::Preparing {
                    task: self.task.clone(),
                    phase,
                };
                if self.inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
