//! Transfers: what brings a reader who waits for something of a task's sandbox together with the
//! agent's stream that carries it.
//!
//! Owns the tickets. A ticket is good for one stream and ends with its reader. Chunks pass through
//! a short queue, so a slow reader slows its agent's stream and nothing else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use stoker_types::{FileEntry, FileKind, IdGenerator};
use tokio::sync::{mpsc, oneshot};

/// The chunks that may wait for a reader: 1 MiB.
const CHUNKS: usize = 16;

/// A piece of what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Bytes of output, of a file, or of a tar.
    pub data: Bytes,
    /// The bytes in front of them that rotation took.
    pub lost_bytes: u64,
    /// Of which kind the file is whose bytes follow; with its first chunk.
    pub kind: Option<FileKind>,
    /// A part of a listing.
    pub entries: Vec<FileEntry>,
    /// The entries that a listing or a tar leaves out; with the last chunk.
    pub left_out: u64,
}

impl Chunk {
    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a transfer gives nothing (more).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransferError {
    /// The agent did not come.
    #[error(
        "the task's agent did not open the transfer within {}; see `stoker agent list`",
        stoker_types::duration::display(*.0)
    )]
    TimedOut(Duration),
    /// The agent says that it cannot, and why.
    #[error("{0}")]
    Failed(String),
    /// The agent's stream ended in the middle.
    #[error("the task's agent left in the middle of the transfer; read again from where it ended")]
    Interrupted,
}

/// A number that no open transfer has: what an agent brings along is not asked for, or not any
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no transfer with ticket {0} is waited for: its reader has left, or never was")]
pub(crate) struct TicketUnknown(pub(crate) u64);

/// The transfers that are waited for; a clone is the same table.
#[derive(Clone, Debug)]
pub(crate) struct Transfers {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug)]
struct Table {
    tickets: IdGenerator,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    opened: oneshot::Sender<()>,
    chunks: mpsc::Sender<Result<Chunk, TransferError>>,
}

impl Transfers {
    /// An empty table; tickets come from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let table = Table {
            tickets: IdGenerator::from_seed(seed),
            waiting: BTreeMap::new(),
        };
        Self {
            table: Arc::new(Mutex::new(table)),
        }
    }

    /// Begins to wait: the ticket is in the result.
    pub(crate) fn wait(&self) -> Reader {
        let (opened_sender, opened) = oneshot::channel();
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let mut table = self.table();
        let ticket = table.tickets.next_u64();
        table.waiting.insert(
            ticket,
            Waiting {
                opened: opened_sender,
                chunks: sender,
            },
        );
        Reader {
            table: self.clone(),
            ticket,
            opened: Some(opened),
            chunks,
        }
    }

    /// Takes the agent's side of a transfer.
    pub(crate) fn open(&self, ticket: u64) -> Result<Source, TicketUnknown> {
        let waiting = self
            .table()
            .waiting
            .remove(&ticket)
            .ok_or(TicketUnknown(ticket))?;
        // A reader that has just left is noticed at the first chunk.
        let _is_heard = waiting.opened.send(());
        Ok(Source {
            chunks: waiting.chunks,
            is_complete: false,
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader's side; dropping it ends the transfer.
#[derive(Debug)]
pub(crate) struct Reader {
    table: Transfers,
    ticket: u64,
    opened: Option<oneshot::Receiver<()>>,
    chunks: mpsc::Receiver<Result<Chunk, TransferError>>,
}

impl Reader {
    /// What the agent is to bring along.
    pub(crate) const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Waits until the agent is there.
    pub(crate) async fn opened(&mut self, timeout: Duration) -> Result<(), TransferError> {
        let Some(opened) = self.opened.take() else {
            return Ok(());
        };
        match tokio::time::timeout(timeout, opened).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(TransferError::Interrupted),
            Err(_) => Err(TransferError::TimedOut(timeout)),
        }
    }

    /// The next chunk; none after the last one.
    pub(crate) async fn next(&mut self) -> Option<Result<Chunk, TransferError>> {
        self.chunks.recv().await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.table.table().waiting.remove(&self.ticket);
    }
}

/// The agent's side; dropping it before [`finish`](Self::finish) is an interruption.
#[derive(Debug)]
pub(crate) struct Source {
    chunks: mpsc::Sender<Result<Chunk, TransferError>>,
    is_complete: bool,
}

/// The reader has left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReaderGone;

impl Source {
    /// Passes a chunk on; waits while the reader is behind.
    pub(crate) async fn send(&self, chunk: Chunk) -> Result<(), ReaderGone> {
        self.chunks.send(Ok(chunk)).await.map_err(|_| ReaderGone)
    }

    /// Waits until the reader has left.
    pub(crate) async fn reader_gone(&self) {
        self.chunks.closed().await;
    }

    /// There is nothing more, or `error`.
    pub(crate) async fn finish(mut self, error: Option<TransferError>) {
        self.is_complete = true;
        if let Some(error) = error {
            // A reader that has left needs no reason.
            let _is_heard = self.chunks.send(Err(error)).await;
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        // The queue may be full: then the reader is told from a task of its own.
        if let Err(mpsc::error::TrySendError::Full(error)) =
            self.chunks.try_send(Err(TransferError::Interrupted))
        {
            let chunks = self.chunks.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { chunks.send(error).await });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &'static str) -> Chunk {
        Chunk {
            data: Bytes::from_static(text.as_bytes()),
            ..Chunk::default()
        }
    }

    #[tokio::test]
    async fn chunks_pass_in_order_and_end_with_the_source() {
        let transfers = Transfers::new(1);
        let mut reader = transfers.wait();
        let source = transfers.open(reader.ticket()).unwrap();
        reader.opened(Duration::from_secs(5)).await.unwrap();
        source.send(chunk("a")).await.unwrap();
        source.send(chunk("b")).await.unwrap();
        source.finish(None).await;
        assert_eq!(reader.next().await, Some(Ok(chunk("a"))));
        assert_eq!(reader.next().await, Some(Ok(chunk("b"))));
        assert_eq!(reader.next().await, None);
    }

    #[tokio::test]
    async fn a_ticket_is_good_once_and_only_while_its_reader_waits() {
        let transfers = Transfers::new(1);
        let reader = transfers.wait();
        let ticket = reader.ticket();
        let _source = transfers.open(ticket).unwrap();
        assert_eq!(transfers.open(ticket).unwrap_err(), TicketUnknown(ticket));
        let reader = transfers.wait();
        let ticket = reader.ticket();
        drop(reader);
        assert_eq!(transfers.open(ticket).unwrap_err(), TicketUnknown(ticket));
    }

    #[tokio::test]
    async fn an_agent_that_does_not_come_is_waited_for_no_longer_than_said() {
        let transfers = Transfers::new(1);
        let error = transfers
            .wait()
            .opened(Duration::from_millis(1))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("within 1ms"), "{error}");
        assert!(transfers.table().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_reader_that_leaves_ends_the_source_and_an_agent_that_leaves_is_an_interruption() {
        let transfers = Transfers::new(1);
        let reader = transfers.wait();
        let source = transfers.open(reader.ticket()).unwrap();
        drop(reader);
        source.reader_gone().await;
        assert_eq!(source.send(chunk("a")).await, Err(ReaderGone));

        let mut reader = transfers.wait();
        let source = transfers.open(reader.ticket()).unwrap();
        for _ in 0..CHUNKS {
            source.send(chunk("a")).await.unwrap();
        }
        drop(source);
        for _ in 0..CHUNKS {
            assert_eq!(reader.next().await, Some(Ok(chunk("a"))));
        }
        assert_eq!(reader.next().await, Some(Err(TransferError::Interrupted)));
        assert_eq!(reader.next().await, None);
    }
}
