//! `AgentService.Transfer`: an agent's stream of output, on its way to the reader who asked.
//!
//! Owns the relay of one stream. The reader leaving ends the agent's stream at once; the agent
//! leaving, or saying why it cannot, ends the reader's.

use std::time::Duration;

use stoker_proto::v1::TransferChunk;
use stoker_types::limit;
use tonic::{Status, Streaming};

use super::status;
use crate::transfers::{Chunk, Source, TransferError, Transfers};

/// How long a stream may take to say which transfer it is.
const TICKET_TIMEOUT: Duration = Duration::from_secs(10);

/// Relays one agent's stream.
pub(super) async fn relay(
    transfers: &Transfers,
    mut chunks: Streaming<TransferChunk>,
) -> Result<(), Status> {
    let wrong = || status::nonsense("the first chunk of a transfer carries its ticket");
    let first = tokio::time::timeout(TICKET_TIMEOUT, chunks.message()).await;
    let first = first.map_err(|_| wrong())??.ok_or_else(wrong)?;
    let ticket = first.ticket.ok_or_else(wrong)?;
    let source = transfers.open(ticket).map_err(status::ticket)?;
    let mut next = Some(first);
    while let Some(chunk) = next {
        if chunk.data.len() > limit::CHUNK_BYTES {
            let message = format!("a chunk holds at most {} bytes", limit::CHUNK_BYTES);
            source
                .finish(Some(TransferError::Failed(message.clone())))
                .await;
            return Err(status::nonsense(message));
        }
        let (error, is_last) = (chunk.error, chunk.end);
        if !pass_on(&source, chunk.data, chunk.lost_bytes).await {
            return Ok(());
        }
        if error.is_some() || is_last {
            source.finish(error.map(TransferError::Failed)).await;
            return Ok(());
        }
        next = tokio::select! {
            () = source.reader_gone() => return Ok(()),
            chunk = chunks.message() => chunk?,
        };
    }
    // Without a last chunk it is an interruption, of which the dropped source tells.
    Ok(())
}

/// Passes output on, if there is any; says whether the reader is still there.
async fn pass_on(source: &Source, data: bytes::Bytes, lost_bytes: u64) -> bool {
    if data.is_empty() && lost_bytes == 0 {
        return true;
    }
    source.send(Chunk { data, lost_bytes }).await.is_ok()
}
