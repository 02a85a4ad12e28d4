//! The outputs of tasks: what a guest left at the paths that its task names, brought into the
//! master's blob store when it has done its work.
//!
//! ```text
//!  UploadOutputs ─▶ each path ─▶ find ─┬─ file ──────┐
//!                                      └─ directory ─┴─▶ source ─▶ hash ─▶ send ─▶ OutputsUploaded
//! ```
//!
//! A guest's files are a stranger's: `find` opens them beneath its folder and follows no link,
//! `source` reads them as one stream (a directory as a tar that is the same for the same content),
//! `send` uploads that, and tries again as long as the master is away. Owns which outputs a task
//! has and how many are under way; that it is over is the core's to say.

mod find;
mod send;
mod source;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use stoker_agent_core::{Input, UploadFailure};
use stoker_proto::convert::INLINE_OUTPUTS_BYTES;
use stoker_types::{OutputFile, Reason, TaskKey, runner::WORK_FOLDER};
use tokio::{
    sync::{Semaphore, mpsc},
    task::AbortHandle,
};

use crate::{data_directory::sandbox, master_client::MasterChannel};
use send::Sender;

/// The outputs that are read or sent at once.
const AT_ONCE: usize = 8;
/// Those of one task.
const AT_ONCE_PER_TASK: usize = 4;

/// All uploads, as the driver sees them.
#[derive(Debug)]
pub(crate) struct Uploads {
    sender: Sender,
    sandboxes: PathBuf,
    inputs: mpsc::Sender<Input>,
    places: Arc<Semaphore>,
    under_way: HashMap<TaskKey, AbortHandle>,
}

impl Uploads {
    /// Uploads go to `master`, and tell `inputs` when they are over.
    pub(crate) fn new(
        master: MasterChannel,
        sandboxes: PathBuf,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            sender: Sender::new(master),
            sandboxes,
            inputs,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            under_way: HashMap::new(),
        }
    }

    /// Uploads what a task left. [`Input::OutputsUploaded`] follows, unless it is cancelled.
    pub(crate) fn start(&mut self, task: TaskKey, paths: Vec<String>) {
        let upload = TaskUpload {
            sender: self.sender.clone(),
            work: sandbox(&self.sandboxes, &task).join(WORK_FOLDER),
            places: Arc::clone(&self.places),
        };
        let (inputs, key) = (self.inputs.clone(), task.clone());
        let running = tokio::spawn(async move {
            let result = upload.run(paths).await;
            // A driver that is gone needs no answer.
            drop(
                inputs
                    .send(Input::OutputsUploaded { task: key, result })
                    .await,
            );
        });
        self.under_way.insert(task, running.abort_handle());
    }

    /// The outputs of a task are not wanted any more.
    pub(crate) fn cancel(&mut self, task: &TaskKey) {
        if let Some(running) = self.under_way.remove(task) {
            running.abort();
        }
    }

    /// The upload of a task is over, and the core knows.
    pub(crate) fn uploaded(&mut self, task: &TaskKey) {
        self.under_way.remove(task);
    }
}

/// One task's upload.
#[derive(Clone, Debug)]
struct TaskUpload {
    sender: Sender,
    work: PathBuf,
    places: Arc<Semaphore>,
}

impl TaskUpload {
    async fn run(self, paths: Vec<String>) -> Result<Vec<OutputFile>, UploadFailure> {
        let uploads = paths.into_iter().map(|path| self.clone().upload(path));
        let mut outputs: Vec<OutputFile> = stream::iter(uploads)
            .buffered(AT_ONCE_PER_TASK)
            .try_collect()
            .await?;
        keep_within(&mut outputs, INLINE_OUTPUTS_BYTES);
        Ok(outputs)
    }

    async fn upload(self, path: String) -> Result<OutputFile, UploadFailure> {
        // It is never closed.
        let _place = self.places.acquire().await.ok();
        let looked = look(self.work.clone(), path.clone()).await;
        let output = looked.map_err(|error| failure(&path, &error))?;
        let sent = self.sender.send(&self.work, &output).await;
        sent.map_err(|error| failure(&path, &error))?;
        Ok(output)
    }
}

/// Why an output is not in the blob store.
#[derive(Debug, thiserror::Error)]
enum OutputError {
    /// It is not there, or not what it must be.
    #[error(transparent)]
    Find(#[from] find::FindError),
    /// The disk failed.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// The master does not take it.
    #[error("is not taken by the master: {0}")]
    Refused(String),
}

fn failure(path: &str, error: &OutputError) -> UploadFailure {
    let reason = match error {
        OutputError::Find(find::FindError::Missing(_)) | OutputError::Read(_) => {
            Reason::OutputMissing
        }
        OutputError::Find(find::FindError::Refused(_)) | OutputError::Refused(_) => {
            Reason::OutputRefused
        }
    };
    UploadFailure {
        reason,
        message: format!("its output {path:?} {error}"),
    }
}

/// What an output is: its form, its digest, its size, and its content if that is small.
async fn look(work: PathBuf, path: String) -> Result<OutputFile, OutputError> {
    let looking = move || source::look(&work, path);
    tokio::task::spawn_blocking(looking)
        .await
        .unwrap_or_else(|error| Err(OutputError::Read(std::io::Error::other(error))))
}

/// Leaves the content out of those for which there is no room.
fn keep_within(outputs: &mut [OutputFile], mut room: usize) {
    for output in outputs {
        let length = output.content.as_ref().map_or(0, Vec::len);
        match room.checked_sub(length) {
            Some(rest) => room = rest,
            None => output.content = None,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod upload_tests;
