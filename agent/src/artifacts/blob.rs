//! Blobs from the master: fetched in chunks, bounded, verified, tried again.

use std::{
    io::{Seek as _, Write as _},
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use sha2::Digest as _;
use stoker_agent_core::PrepareFailure;
use stoker_proto::v1::{GetRequest, artifact_service_client::ArtifactServiceClient};
use stoker_types::{Digest, limit};
use tempfile::NamedTempFile;
use tokio::{sync::mpsc, time::timeout};
use tonic::{Code, Status, transport::Channel};

use super::failure::{self, Kind};
use crate::master_client::MasterChannel;

/// A master that sends nothing for this long is asked again.
const CHUNK_WITHIN: Duration = Duration::from_secs(30);
/// How often a fetch is tried before its task fails: about two minutes, if the master is away.
const ATTEMPTS: usize = 12;
/// The chunks between the network and the disk.
const CHUNKS: usize = 8;

/// What to fetch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Its name.
    pub(super) digest: Digest,
    /// What it is for.
    pub(super) kind: Kind,
    /// How large it may be, in bytes.
    pub(super) most: u64,
}

enum Attempt {
    /// It will not get better.
    Final(PrepareFailure),
    /// It may.
    Again(String),
}

/// Fetches a blob into new files of `new_file`'s making, until one is complete and right.
pub(super) async fn fetch(
    master: &MasterChannel,
    wanted: Wanted,
    new_file: impl Fn() -> std::io::Result<NamedTempFile>,
) -> Result<NamedTempFile, PrepareFailure> {
    let mut pauses = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(20))
        .with_max_times(ATTEMPTS)
        .build();
    loop {
        let file = new_file().map_err(|error| failure::ours("make a file", &error))?;
        let attempt = match master.get() {
            Some(channel) => fetch_once(channel, wanted, file).await,
            None => Err(Attempt::Again("no master is connected".to_owned())),
        };
        let error = match attempt {
            Ok(file) => return Ok(file),
            Err(Attempt::Final(failure)) => return Err(failure),
            Err(Attempt::Again(error)) => error,
        };
        let Some(pause) = pauses.next() else {
            return Err(failure::not_fetched(wanted.kind, wanted.digest, &error));
        };
        tracing::debug!(digest = %wanted.digest, error, ?pause, "a fetch is tried again");
        tokio::time::sleep(pause).await;
    }
}

async fn fetch_once(
    channel: Channel,
    wanted: Wanted,
    file: NamedTempFile,
) -> Result<NamedTempFile, Attempt> {
    let mut client =
        ArtifactServiceClient::new(channel).max_decoding_message_size(limit::GRPC_MESSAGE_BYTES);
    let request = GetRequest {
        digest: wanted.digest.to_string(),
    };
    let answer = timeout(CHUNK_WITHIN, client.get(request))
        .await
        .map_err(|_| stalled())?;
    let mut chunks = answer
        .map_err(|status| judge(&status, wanted))?
        .into_inner();

    let (sender, receiver) = mpsc::channel(CHUNKS);
    let writing = tokio::task::spawn_blocking(move || write(file, receiver));
    let mut total: u64 = 0;
    loop {
        let chunk = timeout(CHUNK_WITHIN, chunks.message())
            .await
            .map_err(|_| stalled())?;
        let Some(chunk) = chunk.map_err(|status| judge(&status, wanted))? else {
            break;
        };
        total += chunk.data.len() as u64;
        let announced = chunk.size.unwrap_or_default().max(total);
        if announced > wanted.most {
            let bytes = chunk.size;
            return Err(Attempt::Final(failure::too_large(
                wanted.kind,
                bytes,
                wanted.most,
            )));
        }
        if sender.send(chunk.data).await.is_err() {
            // The writer says why it ended.
            break;
        }
    }
    drop(sender);
    let written = writing.await.map_err(|error| ours(&error))?;
    let (file, digest) = written.map_err(|error| ours(&error))?;
    if digest == wanted.digest {
        Ok(file)
    } else {
        // The master checks what it stores, so this is the wire or its disk: once more may help.
        Err(Attempt::Again(format!("what came has the digest {digest}")))
    }
}

fn ours(error: &impl std::fmt::Display) -> Attempt {
    Attempt::Final(failure::ours("store what it fetched", error))
}

fn stalled() -> Attempt {
    Attempt::Again("the master sent nothing for 30 seconds".to_owned())
}

fn judge(status: &Status, wanted: Wanted) -> Attempt {
    match status.code() {
        Code::NotFound => Attempt::Final(failure::not_stored(wanted.kind, wanted.digest)),
        Code::InvalidArgument | Code::PermissionDenied | Code::Unimplemented => Attempt::Final(
            failure::not_fetched(wanted.kind, wanted.digest, status.message()),
        ),
        _ => Attempt::Again(status.message().to_owned()),
    }
}

/// Writes and hashes, away from the threads that must not wait.
fn write(
    mut file: NamedTempFile,
    mut chunks: mpsc::Receiver<Bytes>,
) -> std::io::Result<(NamedTempFile, Digest)> {
    let mut hasher = sha2::Sha256::new();
    while let Some(chunk) = chunks.blocking_recv() {
        hasher.update(&chunk);
        file.write_all(&chunk)?;
    }
    file.as_file_mut().rewind()?;
    Ok((file, Digest::from_bytes(hasher.finalize().into())))
}

#[cfg(test)]
#[path = "blob_tests.rs"]
mod tests;
