//! What is in a task's sandbox on its way to the master, for someone who reads it: output, lists
//! of files, files.
//!
//! Owns the streams to the master and how many there are. What belongs on them is decided in
//! `output`, `files` and `tar`; `sandbox` opens and `walk` finds what a guest may have named.

mod files;
mod outgoing;
mod output;
mod parts;
mod sandbox;
mod tar;
mod walk;

use std::{path::PathBuf, sync::Arc};

use stoker_proto::v1::{TransferChunk, agent_service_client::AgentServiceClient};
use stoker_types::{
    TaskKey,
    agent::{TransferRequest, Wanted},
    duration,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use self::outgoing::{Failure, Outgoing};
use crate::{
    data_directory,
    known_tasks::{Knowledge, KnownTasks},
    master_client::MasterChannel,
    sandboxes::Removal,
};

/// The chunks that are on their way of each transfer.
const CHUNKS: usize = 4;
/// The transfers that go on at once.
const TRANSFERS: usize = 1024;
/// Those of them that hold a list of files: at most 24 MiB each.
const LISTS: usize = 8;

/// Sends what readers ask for.
#[derive(Clone, Debug)]
pub(crate) struct Transfers {
    master: MasterChannel,
    known_tasks: Arc<KnownTasks>,
    sandboxes: PathBuf,
    permits: Arc<Semaphore>,
    lists: Arc<Semaphore>,
}

impl Transfers {
    /// Reads below `sandboxes` and sends to `master`.
    pub(crate) fn new(
        master: MasterChannel,
        known_tasks: Arc<KnownTasks>,
        sandboxes: PathBuf,
    ) -> Self {
        Self {
            master,
            known_tasks,
            sandboxes,
            permits: Arc::new(Semaphore::new(TRANSFERS)),
            lists: Arc::new(Semaphore::new(LISTS)),
        }
    }

    /// Sends what is asked for, in the background.
    pub(crate) fn start(&self, request: TransferRequest) {
        let transfers = self.clone();
        tokio::spawn(async move {
            // One over the bound waits for its turn; its reader gives up when it likes to.
            let Ok(_permit) = transfers.permits.acquire().await else {
                return;
            };
            // A reader of a master that is gone is gone as well.
            let Some(channel) = transfers.master.get() else {
                return;
            };
            let (task, ticket) = (request.task.clone(), request.ticket);
            let (sender, chunks) = mpsc::channel(CHUNKS);
            let outgoing = transfers.clone();
            tokio::spawn(async move { outgoing.read(request, sender).await });
            let mut client = AgentServiceClient::new(channel);
            if let Err(status) = client.transfer(ReceiverStream::new(chunks)).await {
                tracing::debug!(%task, ticket, %status, "a transfer ended early");
            }
        });
    }

    /// Reads what is wanted, and puts it into chunks.
    async fn read(&self, request: TransferRequest, chunks: mpsc::Sender<TransferChunk>) {
        let mut outgoing = Outgoing::new(request.ticket, chunks);
        let last = match self.pass(request.task, request.wanted, &mut outgoing).await {
            Ok(left_out) => TransferChunk {
                end: true,
                left_out,
                ..TransferChunk::default()
            },
            Err(Failure::ReaderIsGone) => return,
            Err(Failure::Told(message)) => TransferChunk {
                end: true,
                error: Some(message),
                ..TransferChunk::default()
            },
        };
        // Nobody is there to be told that nobody is there.
        drop(outgoing.send(last).await);
    }

    /// Says how many entries were left out.
    async fn pass(
        &self,
        task: TaskKey,
        wanted: Wanted,
        outgoing: &mut Outgoing,
    ) -> Result<u64, Failure> {
        let folder = data_directory::sandbox(&self.sandboxes, &task);
        // Nobody removes it meanwhile.
        let _reading = self.known_tasks.read(&task);
        let knowledge = self.known_tasks.look(&task);
        if !folder.exists() {
            self.explain_absence(&task, &knowledge)?;
        }
        match wanted {
            Wanted::Output {
                stream,
                offset,
                follow,
            } => {
                let reading = (offset, follow);
                output::send(outgoing, &folder, knowledge, stream, reading).await?;
                Ok(0)
            }
            Wanted::Listing { path, recursive } => {
                // Never closed.
                let _permit = self.lists.acquire().await;
                files::send_listing(outgoing, self.place(task, path), recursive).await
            }
            Wanted::File { path, offset } => {
                files::send_file(outgoing, self.place(task, path), offset, &self.lists).await
            }
        }
    }

    /// A task that wrote nothing has no sandbox; what else that may mean is told.
    fn explain_absence(&self, task: &TaskKey, knowledge: &Knowledge) -> Result<(), Failure> {
        let told = match (self.known_tasks.removal(task), knowledge) {
            (Some(Removal::Expired(kept)), _) => format!(
                "the sandbox of the task {task} was removed {} after its end; its agent's \
                 sandbox_retention says how long they are kept",
                duration::display(kept)
            ),
            (Some(Removal::Evicted), _) => format!(
                "the sandbox of the task {task} was removed to free disk: its agent has less than \
                 its sandbox_min_free"
            ),
            (None, Knowledge::Unknown) => format!(
                "this agent knows nothing of the task {task} (any more): it never ran here, or its \
                 sandbox was removed, as all are when they have been kept for the agent's \
                 sandbox_retention"
            ),
            (None, Knowledge::Over | Knowledge::Alive(_)) => return Ok(()),
        };
        Err(Failure::Told(told))
    }

    fn place(&self, task: TaskKey, path: stoker_types::SandboxPath) -> files::Place {
        files::Place {
            sandboxes: self.sandboxes.clone(),
            task,
            path,
        }
    }
}

#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod tests;
