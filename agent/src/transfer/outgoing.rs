//! The chunks of one transfer on their way to the master.

use stoker_proto::v1::TransferChunk;
use tokio::sync::mpsc;

/// Why a transfer is over before all was sent.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody reads any more.
    ReaderIsGone,
    /// What the reader is told.
    Told(String),
}

/// The way out. Puts the ticket on the first chunk.
#[derive(Debug)]
pub(super) struct Outgoing {
    ticket: Option<u64>,
    chunks: mpsc::Sender<TransferChunk>,
}

impl Outgoing {
    pub(super) const fn new(ticket: u64, chunks: mpsc::Sender<TransferChunk>) -> Self {
        Self {
            ticket: Some(ticket),
            chunks,
        }
    }

    /// Sends a chunk; waits while the reader is behind.
    pub(super) async fn send(&mut self, chunk: TransferChunk) -> Result<(), Failure> {
        let chunk = TransferChunk {
            ticket: self.ticket.take(),
            ..chunk
        };
        self.chunks
            .send(chunk)
            .await
            .map_err(|_| Failure::ReaderIsGone)
    }

    /// Waits until the reader has left.
    pub(super) async fn closed(&self) {
        self.chunks.closed().await;
    }
}
