//! The client of the master's store.
//!
//! Owns chunks, digests and progress on this side of `ArtifactService`.

use std::{io, path::Path, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use stoker_proto::{
    convert::{Artifact, ArtifactKind, PutHeader},
    v1::{self, artifact_service_client::ArtifactServiceClient, put_request},
};
use stoker_types::{Digest, duration, limit};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, transport::Channel};

use super::ArtifactError;
use crate::{
    DriverError,
    driver::{parse_addresses, root_cause},
};

/// How many chunks may wait for the socket.
const WAITING_CHUNKS: usize = 8;

/// A client of the master's store of modules and blobs. Cheap to clone.
///
/// ```no_run
/// use std::time::Duration;
///
/// use stoker_sdk_scheduler::{
///     ModuleReference, Task,
///     artifacts::{ArtifactKind, Artifacts},
/// };
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Artifacts::connect(&["http://127.0.0.1:5050"], Duration::from_secs(10)).await?;
/// let upload = store
///     .upload_file("hello.wasm".as_ref(), ArtifactKind::Module, |done, total| {
///         eprintln!("{done} of {total} bytes");
///     })
///     .await?;
/// let task = Task::new(ModuleReference::Blob(upload.digest));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Artifacts {
    client: ArtifactServiceClient<Channel>,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The artifact's name: what [`ModuleReference::Blob`](crate::ModuleReference::Blob),
    /// [`Task::stdin`](crate::Task::stdin) and [`Task::input`](crate::Task::input) take.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Whether the master had it already, so that nothing was sent.
    pub was_there: bool,
}

impl Artifacts {
    /// Reaches one of these masters, trying them again with growing pauses for up to `wait`; once
    /// if that is zero. Without addresses, those of the environment or the default one, as for
    /// [`DriverBuilder::master`](crate::DriverBuilder::master).
    ///
    /// # Errors
    /// If an address is none, or no master answers in time.
    pub async fn connect<A: AsRef<str>>(
        masters: &[A],
        wait: Duration,
    ) -> Result<Self, ArtifactError> {
        let addresses: Vec<String> = masters
            .iter()
            .map(|address| address.as_ref().to_owned())
            .collect();
        let masters = parse_addresses(&addresses)?;
        let start = Instant::now();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times()
            .build();
        loop {
            let mut message = String::new();
            for (_, endpoint) in &masters {
                match endpoint.connect().await {
                    Ok(channel) => return Ok(Self::new(channel)),
                    Err(error) => message = root_cause(&error),
                }
            }
            let pause = pauses.next().unwrap_or(Duration::from_secs(5));
            if start.elapsed() + pause > wait {
                let addresses: Vec<&str> = masters.iter().map(|(address, _)| &**address).collect();
                return Err(ArtifactError::Master(DriverError::NoMaster {
                    masters: addresses.join(", "),
                    waited: wait,
                    message,
                }));
            }
            tracing::info!(
                pause = duration::display(pause),
                "waiting for a master: {message}"
            );
            tokio::time::sleep(pause).await;
        }
    }

    /// A client on a channel that is there already.
    fn new(channel: Channel) -> Self {
        let client = ArtifactServiceClient::new(channel)
            .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES)
            .max_encoding_message_size(limit::GRPC_MESSAGE_BYTES);
        Self { client }
    }

    /// What the master knows of an artifact; nothing if it has none of this name.
    ///
    /// # Errors
    /// If the master does not answer.
    pub async fn stat(&self, digest: Digest) -> Result<Option<Artifact>, ArtifactError> {
        let request = v1::StatRequest {
            digest: digest.to_string(),
        };
        let response = self.client.clone().stat(request).await;
        let artifact = match response {
            Ok(response) => response.into_inner().artifact,
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(ArtifactError::refused("find", &status)),
        };
        artifact
            .map(Artifact::try_from)
            .transpose()
            .map_err(|error| ArtifactError::Refused {
                operation: "find",
                message: error.to_string(),
            })
    }

    /// Uploads a file under its own name, unless the master has these bytes already. `progress` is
    /// told how many bytes are on their way, and how many there are.
    ///
    /// # Errors
    /// If the file cannot be read, or the master refuses it.
    pub async fn upload_file(
        &self,
        path: &Path,
        kind: ArtifactKind,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Upload, ArtifactError> {
        let read_error = |source| ArtifactError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).await.map_err(read_error)?;
        let (digest, size) = digest_of(&mut file).await.map_err(read_error)?;
        if let Some(upload) = self.find(digest, kind).await? {
            progress(size, size);
            return Ok(upload);
        }
        let file = File::open(path).await.map_err(read_error)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let header = PutHeader {
            kind,
            name: fitting_name(&name),
            expected_digest: Some(digest),
        };
        match self.put(header, file.take(size), size, progress).await {
            Ok(upload) if upload.size == size => Ok(upload),
            // Fewer bytes came than there were at the first look.
            Ok(_) => Err(ArtifactError::Changed {
                path: path.to_owned(),
            }),
            Err(PutError::Read(source)) => Err(read_error(source)),
            Err(PutError::Refused(status)) => Err(ArtifactError::refused("store", &status)),
        }
    }

    /// Uploads bytes under a name for people (which may be empty), unless the master has them
    /// already.
    ///
    /// # Errors
    /// If the master refuses them.
    pub async fn upload_bytes(
        &self,
        name: &str,
        content: &[u8],
        kind: ArtifactKind,
    ) -> Result<Upload, ArtifactError> {
        let digest = Digest::of(content);
        if let Some(upload) = self.find(digest, kind).await? {
            return Ok(upload);
        }
        let header = PutHeader {
            kind,
            name: fitting_name(name),
            expected_digest: Some(digest),
        };
        let size = content.len() as u64;
        self.put(header, content, size, |_, _| {})
            .await
            .map_err(|error| match error {
                PutError::Read(source) => ArtifactError::Refused {
                    operation: "store",
                    message: source.to_string(),
                },
                PutError::Refused(status) => ArtifactError::refused("store", &status),
            })
    }

    /// Downloads an artifact into `target` and says how many bytes it has. `progress` is told how
    /// many of them have come, and how many there are.
    ///
    /// On an error, what was written until then is worthless.
    ///
    /// # Errors
    /// If there is no such artifact, its bytes are not those of its name, or one side breaks off.
    pub async fn download(
        &self,
        digest: Digest,
        target: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, ArtifactError> {
        use sha2::Digest as _;
        let failed = |status: Status| match status.code() {
            Code::NotFound => ArtifactError::NotFound { digest },
            _ => ArtifactError::refused("send", &status),
        };
        let request = v1::GetRequest {
            digest: digest.to_string(),
        };
        let response = self.client.clone().get(request).await.map_err(failed)?;
        let mut chunks = response.into_inner();
        let mut hasher = sha2::Sha256::new();
        let (mut done, mut total) = (0, 0);
        while let Some(chunk) = chunks.message().await.map_err(failed)? {
            total = chunk.size.unwrap_or(total);
            done += chunk.data.len() as u64;
            hasher.update(&chunk.data);
            let written = target.write_all(&chunk.data).await;
            written.map_err(|source| ArtifactError::Write { source })?;
            progress(done, total.max(done));
        }
        let flushed = target.flush().await;
        flushed.map_err(|source| ArtifactError::Write { source })?;
        if Digest::from_bytes(hasher.finalize().into()) == digest {
            Ok(done)
        } else {
            Err(ArtifactError::Damaged { digest })
        }
    }

    /// The upload that need not be made. A blob that is to be a module is sent again: that makes it
    /// one, and a module stays where blobs are collected.
    async fn find(
        &self,
        digest: Digest,
        kind: ArtifactKind,
    ) -> Result<Option<Upload>, ArtifactError> {
        let artifact = self.stat(digest).await?;
        let good = artifact
            .filter(|artifact| kind == ArtifactKind::Blob || artifact.kind == ArtifactKind::Module);
        Ok(good.map(|artifact| Upload {
            digest,
            size: artifact.size,
            was_there: true,
        }))
    }

    /// Sends the header and then all of `content`, in chunks.
    async fn put(
        &self,
        header: PutHeader,
        content: impl AsyncRead + Unpin + Send,
        size: u64,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Upload, PutError> {
        let (sender, requests) = mpsc::channel(WAITING_CHUNKS);
        let mut client = self.client.clone();
        let (read, response) = tokio::join!(
            feed(header, content, size, sender, progress),
            client.put(ReceiverStream::new(requests)),
        );
        // A broken source ends the stream too early, so its error comes first.
        read.map_err(PutError::Read)?;
        let response = response.map_err(PutError::Refused)?.into_inner();
        let digest = response.digest.parse().map_err(|_| {
            PutError::Refused(Status::internal(format!(
                "{:?} is no digest",
                response.digest
            )))
        })?;
        Ok(Upload {
            digest,
            size: response.size,
            was_there: response.already_there,
        })
    }
}

/// Why an upload failed.
enum PutError {
    Read(io::Error),
    Refused(Status),
}

/// Puts the header and the content into the queue; stops when no one takes them any more, whose
/// error says why.
async fn feed(
    header: PutHeader,
    mut content: impl AsyncRead + Unpin,
    size: u64,
    sender: mpsc::Sender<v1::PutRequest>,
    mut progress: impl FnMut(u64, u64),
) -> io::Result<()> {
    let mut part = put_request::Part::Header(header.into());
    let mut done = 0_u64;
    loop {
        if sender
            .send(v1::PutRequest { part: Some(part) })
            .await
            .is_err()
        {
            return Ok(());
        }
        progress(done, size.max(done));
        let mut chunk = Vec::with_capacity(limit::CHUNK_BYTES);
        let mut rest = (&mut content).take(limit::CHUNK_BYTES as u64);
        if rest.read_to_end(&mut chunk).await? == 0 {
            return Ok(());
        }
        done += chunk.len() as u64;
        part = put_request::Part::Chunk(Bytes::from(chunk));
    }
}

/// The digest of all that a file holds, and its size.
async fn digest_of(file: &mut File) -> io::Result<(Digest, u64)> {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; limit::CHUNK_BYTES];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok((Digest::from_bytes(hasher.finalize().into()), size));
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
}

/// A name as the master takes it: without control characters, and not too long.
fn fitting_name(name: &str) -> String {
    let mut fitting: String = name.chars().filter(|letter| !letter.is_control()).collect();
    while fitting.len() > limit::NAME_BYTES {
        fitting.pop();
    }
    fitting
}
