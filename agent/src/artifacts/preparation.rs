//! One task's preparation: its module, its standard input and its inputs, side by side.
//!
//! Owns what is awaited and what of it is told. A task that is cancelled is not answered, and its
//! sandbox is not made.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{StreamExt as _, stream};
use stoker_agent_core::{Input as CoreInput, PrepareFailure, PreparePhase, Prepared};
use stoker_types::{Digest, Input, Reason, TaskKey, agent::Launch};
use tokio::sync::{mpsc, watch};

use super::{
    Holding, Holdings, failure,
    flights::Seat,
    lock,
    store::StoredFile,
    workshop::{Module, Workshop, blocking},
};
use crate::{
    data_directory::sandbox,
    inputs::{Staging, StagingError},
    sandboxes::discard,
};

/// The inputs of one task that are fetched at once.
const INPUTS_AT_ONCE: usize = 4;

/// One task's preparation.
pub(super) struct Preparation {
    pub(super) workshop: Arc<Workshop>,
    pub(super) inputs: mpsc::Sender<CoreInput>,
    pub(super) holdings: Holdings,
    pub(super) task: TaskKey,
    /// Set when nobody wants it any more.
    pub(super) given_up: Arc<AtomicBool>,
}

impl Preparation {
    pub(super) async fn run(self, launch: Box<Launch>) {
        let module = self.workshop.module(&launch.task, self.task.framework_id);
        let bill = Arc::clone(&module.bill);
        let work = async {
            tokio::try_join!(
                self.ride(module),
                self.stdin(launch.task.stdin),
                self.stage(&launch),
            )
        };
        let is_staged = !launch.task.inputs.is_empty();
        let result = work
            .await
            .map(|(module, stdin, ())| self.hold(module, stdin.as_deref(), is_staged));
        if result.is_err() && is_staged {
            give_up(&self.given_up, self.place());
        }
        let prepared = CoreInput::Prepared {
            task: self.task,
            result,
            compile_time: bill.take(),
        };
        // A driver that is gone needs no answer.
        drop(self.inputs.send(prepared).await);
    }

    /// Keeps what the task needs until it is over.
    fn hold(&self, module: Module, stdin: Option<&StoredFile>, is_staged: bool) -> Prepared {
        let prepared = Prepared {
            module: module.key,
            stdin: stdin.map(|file| file.path().to_string_lossy().into_owned()),
        };
        let holding = Holding {
            module: Some(module.file),
            _stdin: stdin.map(StoredFile::pin),
            is_staged,
        };
        lock(&self.holdings).insert(self.task.clone(), holding);
        prepared
    }

    async fn stdin(
        &self,
        digest: Option<Digest>,
    ) -> Result<Option<Arc<StoredFile>>, PrepareFailure> {
        let Some(digest) = digest else {
            return Ok(None);
        };
        let file = self.ride(self.workshop.blob(digest)).await;
        file.map(Some)
            .map_err(|error| failure::of_part("its stdin", &error))
    }

    /// Makes the sandbox of a task that has inputs.
    async fn stage(&self, launch: &Launch) -> Result<(), PrepareFailure> {
        let inputs = &launch.task.inputs;
        if inputs.is_empty() {
            return Ok(());
        }
        let settings = self.workshop.settings();
        let (folder, disk) = (settings.staging.clone(), launch.task.resources.disk);
        let given_up = Arc::clone(&self.given_up);
        let begun = blocking(move || Ok(Staging::begin(&folder, disk, given_up))).await?;
        let mut staging = begun.map_err(|error| unstaged("its inputs", &error))?;
        let mut files = stream::iter(inputs.clone())
            .map(|input| self.input(input))
            .buffered(INPUTS_AT_ONCE);
        while let Some(file) = files.next().await {
            let (input, file) = file?;
            staging = blocking(move || {
                let blob = file.open().map_err(StagingError::from);
                let added = blob.and_then(|blob| staging.add(&input, blob.into()));
                added.map_err(|error| unstaged(&part(&input), &error))?;
                Ok(staging)
            })
            .await?;
        }
        let place = self.place();
        let finish = move || staging.finish(&place);
        blocking(move || finish().map_err(|error| unstaged("its inputs", &error))).await
    }

    fn place(&self) -> PathBuf {
        sandbox(&self.workshop.settings().sandboxes, &self.task)
    }

    async fn input(&self, input: Input) -> Result<(Input, Arc<StoredFile>), PrepareFailure> {
        let file = self.ride(self.workshop.blob(input.blob)).await;
        match file {
            Ok(file) => Ok((input, file)),
            Err(error) => Err(failure::of_part(&part(&input), &error)),
        }
    }

    /// Waits for what a flight brings, and tells the phases that it reaches.
    async fn ride<T: Clone>(&self, seat: Seat<T>) -> T {
        tokio::select! {
            biased;
            result = seat.result => result,
            never = self.tell_phases(seat.phase) => never,
        }
    }

    /// Tells each phase that is reached. Never ends.
    async fn tell_phases<T>(&self, mut phases: watch::Receiver<Option<PreparePhase>>) -> T {
        let mut told = None;
        loop {
            let reached = phases
                .wait_for(|phase| phase.is_some() && *phase != told)
                .await
                .map(|phase| *phase);
            let Ok(Some(phase)) = reached else {
                return std::future::pending().await;
            };
            told = Some(phase);
            let task = self.task.clone();
            // A driver that is gone needs to be told nothing.
            drop(self.inputs.send(CoreInput::Preparing { task, phase }).await);
        }
    }
}

/// Has a sandbox removed, whether it is in its place or still being made.
pub(super) fn give_up(given_up: &AtomicBool, place: PathBuf) {
    // Before the look at the place: who is about to put it there sees this, or is seen.
    given_up.store(true, Ordering::SeqCst);
    remove(move || discard(&place));
}

/// Removes files, away from the threads that must not wait.
pub(super) fn remove(work: impl FnOnce() -> std::io::Result<()> + Send + 'static) {
    drop(tokio::task::spawn_blocking(move || {
        if let Err(error) = work() {
            tracing::warn!(%error, "cannot remove a part of a sandbox");
        }
    }));
}

fn part(input: &Input) -> String {
    format!("its input {:?} ({})", input.path, input.blob)
}

fn unstaged(part: &str, error: &StagingError) -> PrepareFailure {
    let reason = match error {
        StagingError::Invalid(_) => Reason::InputInvalid,
        StagingError::Io(_) | StagingError::GivenUp => Reason::LaunchFailed,
    };
    PrepareFailure {
        reason,
        message: format!("{part}: {error}"),
    }
}
