//! Sends an output to the master's blob store, and tries again as long as the master is away.
//!
//! Owns when an upload is tried again: always, but for what the master itself refuses. The bytes
//! are named by their digest, so an upload that is repeated changes nothing.

use std::{io::Read as _, path::Path, pin::pin, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use stoker_proto::{
    convert::{ArtifactKind, PutHeader},
    v1::{self, artifact_service_client::ArtifactServiceClient, put_request::Part},
};
use stoker_types::{OutputFile, limit};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, transport::Channel};

use super::{OutputError, source::Source};
use crate::master_client::MasterChannel;

/// A master that takes or says nothing for this long is asked again.
const STALLED: Duration = Duration::from_secs(60);
/// The longest pause before the next attempt.
const PAUSE: Duration = Duration::from_secs(15);
/// The chunks between the disk and the network.
const CHUNKS: usize = 8;

/// Where outputs go.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    master: MasterChannel,
}

/// Why an attempt failed.
enum Attempt {
    /// It will not get better.
    Final(OutputError),
    /// It may.
    Again(String),
}

impl Sender {
    pub(super) const fn new(master: MasterChannel) -> Self {
        Self { master }
    }

    /// Brings an output into the blob store, however long that takes.
    pub(super) async fn send(&self, work: &Path, output: &OutputFile) -> Result<(), OutputError> {
        let mut pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(PAUSE)
            .without_max_times()
            .build();
        loop {
            let attempt = match self.master.get() {
                Some(channel) => send_once(channel, work, output).await,
                None => Err(Attempt::Again("no master is connected".to_owned())),
            };
            let error = match attempt {
                Ok(()) => return Ok(()),
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Again(error)) => error,
            };
            let pause = pauses.next().unwrap_or(PAUSE);
            tracing::debug!(digest = %output.digest, error, ?pause, "an upload is tried again");
            tokio::time::sleep(pause).await;
        }
    }
}

async fn send_once(channel: Channel, work: &Path, output: &OutputFile) -> Result<(), Attempt> {
    let mut client =
        ArtifactServiceClient::new(channel).max_encoding_message_size(limit::GRPC_MESSAGE_BYTES);
    // What one message carries is not worth the question.
    if output.size > limit::CHUNK_BYTES as u64 && is_there(&mut client, output).await? {
        return Ok(());
    }
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let reading = {
        let (work, path) = (work.to_owned(), output.path.clone());
        tokio::task::spawn_blocking(move || feed(&work, &path, &sender))
    };
    let header = v1::PutRequest {
        part: Some(Part::Header(
            PutHeader {
                kind: ArtifactKind::Blob,
                name: name(&output.path),
                expected_digest: Some(output.digest),
            }
            .into(),
        )),
    };
    let parts =
        futures_util::StreamExt::chain(tokio_stream::once(header), ReceiverStream::new(receiver));
    let mut answer = pin!(client.put(parts));
    let answer = tokio::select! {
        biased;
        // Whoever cannot read the output knows more of that than the master does.
        read = reading => {
            read.unwrap_or_else(|error| Err(Attempt::Again(error.to_string())))?;
            let last = timeout(STALLED, answer).await;
            last.map_err(|_| Attempt::Again("the master does not answer".to_owned()))?
        }
        early = &mut answer => early,
    };
    answer.map(drop).map_err(|status| judge(&status))
}

async fn is_there(
    client: &mut ArtifactServiceClient<Channel>,
    output: &OutputFile,
) -> Result<bool, Attempt> {
    let request = v1::StatRequest {
        digest: output.digest.to_string(),
    };
    let answer = timeout(STALLED, client.stat(request)).await;
    let answer = answer.map_err(|_| Attempt::Again("the master does not answer".to_owned()))?;
    match answer {
        Ok(answer) => Ok(answer.into_inner().artifact.is_some()),
        Err(status) => Err(judge(&status)),
    }
}

/// Reads the output into chunks, as fast as the master takes them.
fn feed(work: &Path, path: &str, chunks: &mpsc::Sender<v1::PutRequest>) -> Result<(), Attempt> {
    let runtime = tokio::runtime::Handle::current();
    let mut source = Source::open(work, path).map_err(Attempt::Final)?;
    loop {
        let mut chunk = Vec::with_capacity(limit::CHUNK_BYTES);
        let read = (&mut source)
            .take(limit::CHUNK_BYTES as u64)
            .read_to_end(&mut chunk);
        read.map_err(|error| Attempt::Final(OutputError::Read(error)))?;
        if chunk.is_empty() {
            return Ok(());
        }
        let request = v1::PutRequest {
            part: Some(Part::Chunk(Bytes::from(chunk))),
        };
        match runtime.block_on(timeout(STALLED, chunks.send(request))) {
            Ok(Ok(())) => {}
            // The master has answered already; what it says counts.
            Ok(Err(_closed)) => return Ok(()),
            Err(_elapsed) => {
                return Err(Attempt::Again("the master takes nothing".to_owned()));
            }
        }
    }
}

/// Whether it may help to try again.
fn judge(status: &Status) -> Attempt {
    let message = status.message().to_owned();
    match status.code() {
        Code::ResourceExhausted
        | Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented => Attempt::Final(OutputError::Refused(message)),
        _ => Attempt::Again(message),
    }
}

/// What an output is called in the store: for people.
fn name(path: &str) -> String {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let mut name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    name.truncate(name.floor_char_boundary(limit::NAME_BYTES));
    name
}
