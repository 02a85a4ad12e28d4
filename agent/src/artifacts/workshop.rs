//! From a module reference to compiled code, and from a digest to a blob.
//!
//! Owns the order of the steps and the names in the store; each step is a module of its own.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use futures_util::FutureExt as _;
use stoker_agent_core::{PrepareFailure, PreparePhase};
use stoker_types::{
    Digest, FrameworkId, ModuleReference, TaskInfo, UnknownImports, runner::CompiledKey,
};
use tempfile::NamedTempFile;
use tokio::sync::Semaphore;

use super::{
    ArtifactCounters, ArtifactSettings, blob,
    blob::Wanted,
    compile::Compiler,
    failure::{self, Kind},
    file::{self, SeenFiles},
    flights::{Bill, Flights, Phase, Seat},
    store::{Store, StoredFile},
    turns::Turns,
};
use crate::master_client::MasterChannel;

/// The blobs that are fetched at once.
const FETCHES: usize = 16;

/// A module that can be launched.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// Its name.
    pub(super) key: CompiledKey,
    /// Its compiled code.
    pub(super) file: Arc<StoredFile>,
}

type ModuleResult = Result<Module, PrepareFailure>;
type FileResult = Result<Arc<StoredFile>, PrepareFailure>;

/// A module as tasks ask for it: those that ask for the same share one preparation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    reference: ModuleReference,
    expected: Option<Digest>,
    traps_unknown_imports: bool,
}

impl Request {
    const fn key(&self, wasm: Digest) -> CompiledKey {
        CompiledKey {
            wasm,
            traps_unknown_imports: self.traps_unknown_imports,
        }
    }

    fn check(&self, found: Digest) -> Result<(), PrepareFailure> {
        match self.expected {
            Some(expected) if expected != found => {
                Err(failure::mismatch(&self.reference, expected, found))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// On whose behalf something is made, and where it tells how far it is and what it costs.
#[derive(Clone, Copy)]
struct Work<'a> {
    phase: &'a Phase,
    bill: &'a Bill,
    tenant: FrameworkId,
}

/// Where artifacts are made.
#[derive(Debug)]
pub(super) struct Workshop {
    settings: ArtifactSettings,
    store: Arc<Store>,
    compiler: Compiler,
    turns: Turns,
    seen_files: Arc<SeenFiles>,
    master: MasterChannel,
    modules: Flights<Request, ModuleResult>,
    compilations: Flights<CompiledKey, FileResult>,
    blobs: Flights<Digest, FileResult>,
    /// Bounds the blobs that are fetched at once.
    fetches: Semaphore,
    counters: Arc<ArtifactCounters>,
}

/// The name of a blob in the store.
pub(super) fn blob_name(digest: Digest) -> String {
    format!("blob-{}", digest.to_hex())
}

impl Workshop {
    pub(super) fn new(settings: ArtifactSettings, store: Store, master: MasterChannel) -> Self {
        Self {
            turns: Turns::new(settings.compile.parallelism),
            compiler: Compiler::new(settings.compile.clone()),
            settings,
            store: Arc::new(store),
            seen_files: Arc::default(),
            master,
            modules: Flights::default(),
            compilations: Flights::default(),
            blobs: Flights::default(),
            fetches: Semaphore::new(FETCHES),
            counters: Arc::default(),
        }
    }

    pub(super) const fn settings(&self) -> &ArtifactSettings {
        &self.settings
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(super) const fn counters(&self) -> &Arc<ArtifactCounters> {
        &self.counters
    }

    /// Finds out what compiled code depends on. A failure is told to the tasks that meet it.
    pub(super) async fn ask_engine_key(&self) {
        if let Err(failure) = self.compiler.engine_key().await {
            tracing::error!(message = failure.message, "no module can be compiled");
        }
    }

    /// Has a task's module made ready, for this tenant.
    pub(super) fn module(
        self: &Arc<Self>,
        task: &TaskInfo,
        tenant: FrameworkId,
    ) -> Seat<ModuleResult> {
        let request = Request {
            reference: task.module.clone(),
            expected: task.module_digest,
            traps_unknown_imports: task.limits.unknown_imports == UnknownImports::Trap,
        };
        let workshop = Arc::clone(self);
        self.modules.join(request.clone(), move |phase, bill| {
            async move {
                let work = Work {
                    phase: &phase,
                    bill: &bill,
                    tenant,
                };
                let result = workshop.make_module(&request, work).await;
                if result.is_err() {
                    workshop.counters.failed.fetch_add(1, Ordering::Relaxed);
                }
                result
            }
            .boxed()
        })
    }

    /// Has a blob made ready: a standard input, or an input.
    pub(super) fn blob(self: &Arc<Self>, digest: Digest) -> Seat<FileResult> {
        let workshop = Arc::clone(self);
        self.blobs.join(digest, move |phase, _bill| {
            async move {
                let name = blob_name(digest);
                if let Some(file) = workshop.stored(&name).await? {
                    return Ok(file);
                }
                phase.send_replace(Some(PreparePhase::Fetching));
                let most = workshop.settings.max_input;
                // It is never closed.
                let _place = workshop.fetches.acquire().await.ok();
                let fetched = workshop
                    .fetch(Wanted {
                        digest,
                        kind: Kind::Blob,
                        most,
                    })
                    .await?;
                workshop.insert(name, fetched).await
            }
            .boxed()
        })
    }

    async fn make_module(self: &Arc<Self>, request: &Request, work: Work<'_>) -> ModuleResult {
        match &request.reference {
            ModuleReference::Blob(digest) => self.make_from_blob(request, *digest, work).await,
            ModuleReference::File(path) => self.make_from_file(request, path.clone(), work).await,
        }
    }

    async fn make_from_blob(
        self: &Arc<Self>,
        request: &Request,
        digest: Digest,
        work: Work<'_>,
    ) -> ModuleResult {
        request.check(digest)?;
        let key = request.key(digest);
        if let Some(module) = self.known_module(key).await? {
            return Ok(module);
        }
        work.phase.send_replace(Some(PreparePhase::Fetching));
        let most = self.settings.max_module;
        let wasm = self
            .fetch(Wanted {
                digest,
                kind: Kind::Module,
                most,
            })
            .await?;
        self.compile(key, wasm, work).await
    }

    async fn make_from_file(
        self: &Arc<Self>,
        request: &Request,
        path: PathBuf,
        work: Work<'_>,
    ) -> ModuleResult {
        let workshop = Arc::clone(self);
        let most = self.settings.max_module;
        let (mut source, seen) = blocking(move || {
            let source = file::open(&path, &workshop.settings.hostname, most)?;
            let seen = workshop.seen_files.digest(&source);
            Ok((source, seen))
        })
        .await?;
        if let Some(digest) = seen {
            request.check(digest)?;
            if let Some(module) = self.known_module(request.key(digest)).await? {
                return Ok(module);
            }
        }
        work.phase.send_replace(Some(PreparePhase::Fetching));
        let workshop = Arc::clone(self);
        let (digest, wasm) = blocking(move || {
            let mut copy = workshop.new_file()?;
            let digest = workshop.seen_files.copy(&mut source, &mut copy, most)?;
            Ok((digest, copy))
        })
        .await?;
        request.check(digest)?;
        let key = request.key(digest);
        match self.known_module(key).await? {
            Some(module) => Ok(module),
            None => self.compile(key, wasm, work).await,
        }
    }

    async fn known_module(
        self: &Arc<Self>,
        key: CompiledKey,
    ) -> Result<Option<Module>, PrepareFailure> {
        let name = self.module_name(key).await?;
        let Some(file) = self.stored(&name).await? else {
            return Ok(None);
        };
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Module { key, file }))
    }

    /// Compiles a module, unless that is under way for another reference to the same bytes.
    async fn compile(
        self: &Arc<Self>,
        key: CompiledKey,
        wasm: NamedTempFile,
        work: Work<'_>,
    ) -> ModuleResult {
        work.phase.send_replace(Some(PreparePhase::Compiling));
        let workshop = Arc::clone(self);
        let tenant = work.tenant;
        let seat = self.compilations.join(key, move |_phase, bill| {
            async move {
                let _turn = workshop.turns.take(tenant).await;
                let artifact = workshop.new_file()?;
                let unknown_imports = if key.traps_unknown_imports {
                    UnknownImports::Trap
                } else {
                    UnknownImports::Refuse
                };
                // Without a name nobody but the compiler can have it.
                let wasm = wasm.into_file();
                let compiler = &workshop.compiler;
                let (result, cpu_time) = compiler
                    .compile(wasm, unknown_imports, artifact.as_file())
                    .await;
                bill.add(cpu_time);
                result?;
                workshop.counters.compiled.fetch_add(1, Ordering::Relaxed);
                let name = workshop.module_name(key).await?;
                workshop.insert(name, artifact).await
            }
            .boxed()
        });
        let result = seat.result.await;
        work.bill.add(seat.bill.take());
        Ok(Module { key, file: result? })
    }

    /// Compiled code is good for one engine only.
    async fn module_name(&self, key: CompiledKey) -> Result<String, PrepareFailure> {
        let engine = blake3::hash(self.compiler.engine_key().await?.as_bytes()).to_hex();
        let imports = if key.traps_unknown_imports {
            "trap"
        } else {
            "refuse"
        };
        Ok(format!(
            "module-{}-{imports}-{}",
            key.wasm.to_hex(),
            &engine[..16]
        ))
    }

    async fn fetch(&self, wanted: Wanted) -> Result<NamedTempFile, PrepareFailure> {
        blob::fetch(&self.master, wanted, || self.store.new_file()).await
    }

    async fn stored(&self, name: &str) -> Result<Option<Arc<StoredFile>>, PrepareFailure> {
        if let Some(file) = self.store.opened(name) {
            return Ok(Some(file));
        }
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        blocking(move || Ok(store.get(&name))).await
    }

    async fn insert(&self, name: String, file: NamedTempFile) -> FileResult {
        let store = Arc::clone(&self.store);
        blocking(move || {
            store
                .insert(&name, file)
                .map_err(|error| failure::ours("store an artifact", &error))
        })
        .await
    }

    fn new_file(&self) -> Result<NamedTempFile, PrepareFailure> {
        self.store
            .new_file()
            .map_err(|error| failure::ours("make a file", &error))
    }
}

/// Does what may wait for a disk, away from the threads that must not.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PrepareFailure> + Send + 'static,
) -> Result<T, PrepareFailure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(failure::ours("work on an artifact", &error)))
}
