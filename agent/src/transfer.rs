//! A task's output on its way to the master, for someone who reads it.
//!
//! The file is looked at every 50 ms while its task lives. To be told of each write would take a
//! message from the runner for every write of a guest, or an inotify watch for a file that may not
//! exist yet; a look costs a microsecond, and there are no more of them than there are readers.
//! The end of the task is told at once, so that no reader waits for the next look then.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use stoker_proto::v1::{TransferChunk, agent_service_client::AgentServiceClient};
use stoker_types::{
    TaskKey,
    agent::{OutputStream, TransferRequest},
    limit,
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::sleep,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    data_directory::sandbox,
    known_tasks::{Knowledge, KnownTasks},
    master_client::MasterChannel,
};

/// How often the file of a living task is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The chunks that are on their way of each transfer.
const CHUNKS: usize = 4;
/// The transfers that go on at once.
const TRANSFERS: usize = 1024;

/// Sends what readers ask for.
#[derive(Clone, Debug)]
pub(crate) struct Transfers {
    master: MasterChannel,
    known_tasks: Arc<KnownTasks>,
    sandboxes: PathBuf,
    permits: Arc<Semaphore>,
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
            tokio::spawn(async move { outgoing.read(request, &sender).await });
            let mut client = AgentServiceClient::new(channel);
            if let Err(status) = client.transfer(ReceiverStream::new(chunks)).await {
                tracing::debug!(%task, ticket, %status, "a transfer ended early");
            }
        });
    }

    /// Reads the output, and puts it into chunks, the ticket in the first of them.
    async fn read(&self, request: TransferRequest, chunks: &mpsc::Sender<TransferChunk>) {
        let mut ticket = Some(request.ticket);
        let result = self.pass(&request, chunks, &mut ticket).await;
        let error = match result {
            Ok(Passed::ToTheEnd) => None,
            Ok(Passed::ReaderIsGone) => return,
            Err(error) => Some(error),
        };
        let last = TransferChunk {
            ticket,
            end: true,
            error,
            ..TransferChunk::default()
        };
        // Nobody is there to be told that nobody is there.
        drop(chunks.send(last).await);
    }

    async fn pass(
        &self,
        request: &TransferRequest,
        chunks: &mpsc::Sender<TransferChunk>,
        ticket: &mut Option<u64>,
    ) -> Result<Passed, String> {
        let folder = sandbox(&self.sandboxes, &request.task);
        let mut life = Life::of(self.known_tasks.look(&request.task));
        if life.is_unknown && !folder.exists() {
            return Err(unknown(&request.task));
        }
        let path = folder.join(match request.stream {
            OutputStream::Stdout => "stdout",
            OutputStream::Stderr => "stderr",
        });
        let mut output = Output { path, file: None };
        let mut offset = request.offset;
        loop {
            // Asked before the look: what a task wrote before its end is there afterwards.
            let was_over = life.is_over();
            let (data, same) = output.read(offset).await?;
            output = same;
            if !data.is_empty() {
                offset += data.len() as u64;
                let chunk = TransferChunk {
                    ticket: ticket.take(),
                    data,
                    ..TransferChunk::default()
                };
                if chunks.send(chunk).await.is_err() {
                    return Ok(Passed::ReaderIsGone);
                }
            } else if was_over || !request.follow {
                return Ok(Passed::ToTheEnd);
            } else {
                tokio::select! {
                    () = sleep(LOOK_EVERY) => {}
                    () = life.end() => {}
                    () = chunks.closed() => return Ok(Passed::ReaderIsGone),
                }
            }
        }
    }
}

enum Passed {
    ToTheEnd,
    ReaderIsGone,
}

fn unknown(task: &TaskKey) -> String {
    format!("this agent knows nothing of the task {task} (any more)")
}

/// Whether more output may come.
struct Life {
    is_unknown: bool,
    end: Option<watch::Receiver<bool>>,
}

impl Life {
    fn of(knowledge: Knowledge) -> Self {
        let is_unknown = matches!(knowledge, Knowledge::Unknown);
        let end = match knowledge {
            Knowledge::Alive(end) => Some(end),
            Knowledge::Over | Knowledge::Unknown => None,
        };
        Self { is_unknown, end }
    }

    fn is_over(&self) -> bool {
        // A sender that is gone belonged to a task that is gone.
        self.end
            .as_ref()
            .is_none_or(|end| *end.borrow() || end.has_changed().is_err())
    }

    async fn end(&mut self) {
        if let Some(end) = &mut self.end {
            // Either way it is over.
            drop(end.wait_for(|is_over| *is_over).await);
        }
    }
}

/// One output file, which need not exist yet.
struct Output {
    path: PathBuf,
    file: Option<File>,
}

impl Output {
    /// The next bytes from `offset` on; none if there are none (yet).
    async fn read(self, offset: u64) -> Result<(Bytes, Self), String> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || self.read_now(offset))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| format!("the agent cannot read {}: {error}", path.display()))
    }

    fn read_now(mut self, offset: u64) -> io::Result<(Bytes, Self)> {
        if self.file.is_none() {
            self.file = open(&self.path)?;
        }
        let Some(file) = &self.file else {
            return Ok((Bytes::new(), self));
        };
        let mut bytes = vec![0; limit::CHUNK_BYTES];
        let length = file.read_at(&mut bytes, offset)?;
        bytes.truncate(length);
        Ok((bytes.into(), self))
    }
}

/// A task that wrote nothing has no file.
fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
