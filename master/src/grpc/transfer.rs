//! `AgentService.Transfer`: an agent's stream of output or files, on its way to who asked.
//!
//! Owns the relay of one stream. The reader leaving ends the agent's stream at once; the agent
//! leaving, or saying why it cannot, ends the reader's.

use std::time::Duration;

use stoker_proto::{
    convert::{file_kind, list_files},
    v1::TransferChunk,
};
use stoker_types::limit;
use tonic::{Status, Streaming};

use super::status;
use crate::transfers::{Chunk, TransferError, Transfers};

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
    while let Some(mut chunk) = next {
        let (error, is_last) = (chunk.error.take(), chunk.end);
        let piece = match read(chunk) {
            Ok(piece) => piece,
            Err(message) => {
                let failed = TransferError::Failed(format!("the agent broke a rule: {message}"));
                source.finish(Some(failed)).await;
                return Err(status::nonsense(message));
            }
        };
        if !piece.is_empty() && source.send(piece).await.is_err() {
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

fn read(chunk: TransferChunk) -> Result<Chunk, String> {
    if chunk.data.len() > limit::CHUNK_BYTES {
        return Err(format!(
            "a chunk holds at most {} bytes",
            limit::CHUNK_BYTES
        ));
    }
    Ok(Chunk {
        data: chunk.data,
        lost_bytes: chunk.lost_bytes,
        kind: file_kind(chunk.kind).map_err(|error| error.to_string())?,
        entries: list_files(chunk.entries).map_err(|error| error.to_string())?,
        left_out: chunk.left_out,
    })
}
