//! `ArtifactService`: modules and blobs in and out of the blob store.
//!
//! Owns the streams of chunks; the store owns bounds, digests and the disk. A chunk is all that is
//! held of an artifact at a time.

use std::{pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use stoker_proto::{
    convert::PutHeader,
    v1::{self, artifact_service_server::ArtifactService, put_request::Part},
};
use stoker_types::{Digest, limit};
use tokio::io::AsyncReadExt as _;
use tonic::{Request, Response, Status, Streaming};

use super::status;
use crate::{
    blobs::{Artifact, ArtifactKind, BlobError, BlobStore},
    clock::Clock,
};

/// An uploader that sends nothing for this long has left.
const IDLE_UPLOAD: Duration = Duration::from_secs(60);
/// The most artifacts in one list.
const LIST_LIMIT: u32 = 1_000;

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Artifacts {
    pub(super) blobs: BlobStore,
    pub(super) clock: Clock,
}

#[tonic::async_trait]
impl ArtifactService for Artifacts {
    type GetStream = Pin<Box<dyn Stream<Item = Result<v1::GetChunk, Status>> + Send>>;

    async fn put(
        &self,
        request: Request<Streaming<v1::PutRequest>>,
    ) -> Result<Response<v1::PutResponse>, Status> {
        let mut parts = request.into_inner();
        let Some(Part::Header(header)) = next_part(&mut parts).await? else {
            return Err(status::nonsense("an upload begins with its header"));
        };
        let header: PutHeader =
            header
                .try_into()
                .map_err(|error: stoker_proto::convert::ConvertError| {
                    status::invalid(&error.under("header"))
                })?;
        let mut upload = self
            .blobs
            .begin(header)
            .await
            .map_err(|error| status::blob(&error))?;
        while let Some(part) = next_part(&mut parts).await? {
            let Part::Chunk(chunk) = part else {
                return Err(status::nonsense(
                    "an upload has one header, and then only chunks",
                ));
            };
            check_chunk(&chunk)?;
            upload
                .write(&chunk)
                .await
                .map_err(|error| status::blob(&error))?;
        }
        let (artifact, already_there) = upload
            .finish(self.clock.now())
            .await
            .map_err(|error| status::blob(&error))?;
        tracing::info!(
            digest = %artifact.digest,
            size = artifact.size,
            name = artifact.name,
            already_there,
            "an artifact was uploaded"
        );
        Ok(Response::new(v1::PutResponse {
            digest: artifact.digest.to_string(),
            size: artifact.size,
            already_there,
        }))
    }

    async fn get(
        &self,
        request: Request<v1::GetRequest>,
    ) -> Result<Response<Self::GetStream>, Status> {
        let digest = read_digest(&request.into_inner().digest)?;
        self.blobs.touch(&digest, self.clock.now());
        let opened = self
            .blobs
            .read(digest)
            .await
            .map_err(|error| status::blob(&error))?;
        let download = Download {
            file: opened.file,
            digest,
            size: Some(opened.artifact.size),
            is_over: false,
        };
        Ok(Response::new(Box::pin(stream::unfold(
            download, next_chunk,
        ))))
    }

    async fn stat(
        &self,
        request: Request<v1::StatRequest>,
    ) -> Result<Response<v1::StatResponse>, Status> {
        let digest = read_digest(&request.into_inner().digest)?;
        // Whoever asks need not upload it again, so it must stay as if it had been.
        self.blobs.touch(&digest, self.clock.now());
        let artifact = self.blobs.stat(&digest).map(Into::into);
        Ok(Response::new(v1::StatResponse { artifact }))
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListResponse>, Status> {
        let request = request.into_inner();
        let kind = read_kind(request.kind)?;
        let after = match request.after.as_str() {
            "" => None,
            text => Some(read_digest(text)?),
        };
        let limit = match request.limit {
            0 => LIST_LIMIT,
            limit => limit.min(LIST_LIMIT),
        };
        let listed: Vec<Artifact> = self.blobs.list(kind, after, limit as usize);
        let artifacts = listed.into_iter().map(Into::into).collect();
        Ok(Response::new(v1::ListResponse { artifacts }))
    }

    async fn remove(
        &self,
        request: Request<v1::RemoveRequest>,
    ) -> Result<Response<v1::RemoveResponse>, Status> {
        let digest = read_digest(&request.into_inner().digest)?;
        let removed = self
            .blobs
            .remove(digest)
            .await
            .map_err(|error| status::blob(&error))?;
        tracing::info!(%digest, removed, "an artifact was to be removed");
        Ok(Response::new(v1::RemoveResponse { removed }))
    }
}

async fn next_part(parts: &mut Streaming<v1::PutRequest>) -> Result<Option<Part>, Status> {
    let request = tokio::time::timeout(IDLE_UPLOAD, parts.message())
        .await
        .map_err(|_| status::upload_idle(IDLE_UPLOAD))??;
    let Some(request) = request else {
        return Ok(None);
    };
    match request.part {
        Some(part) => Ok(Some(part)),
        None => Err(status::nonsense(
            "a part of an upload is its header or a chunk",
        )),
    }
}

fn check_chunk(chunk: &Bytes) -> Result<(), Status> {
    if chunk.len() > limit::CHUNK_BYTES {
        let message = format!(
            "a chunk of {} bytes is too large: send at most {}",
            chunk.len(),
            limit::CHUNK_BYTES
        );
        return Err(status::nonsense(message));
    }
    Ok(())
}

fn read_digest(text: &str) -> Result<Digest, Status> {
    text.parse()
        .map_err(|error: stoker_types::DigestParseError| {
            status::nonsense(format!("digest: {error}"))
        })
}

fn read_kind(number: i32) -> Result<Option<ArtifactKind>, Status> {
    match v1::ArtifactKind::try_from(number) {
        Ok(v1::ArtifactKind::Unspecified) => Ok(None),
        Ok(v1::ArtifactKind::Module) => Ok(Some(ArtifactKind::Module)),
        Ok(v1::ArtifactKind::Blob) => Ok(Some(ArtifactKind::Blob)),
        Err(_) => Err(status::nonsense(format!(
            "kind: {number} is none; say module or blob"
        ))),
    }
}

/// An artifact on its way out.
struct Download {
    file: tokio::fs::File,
    digest: Digest,
    /// What the first chunk says.
    size: Option<u64>,
    is_over: bool,
}

async fn next_chunk(mut download: Download) -> Option<(Result<v1::GetChunk, Status>, Download)> {
    if download.is_over {
        return None;
    }
    match read_chunk(&mut download.file).await {
        // The first chunk is sent even if it is empty: it says that the artifact is there.
        Ok(data) if data.is_empty() && download.size.is_none() => None,
        Ok(data) => {
            let size = download.size.take();
            Some((Ok(v1::GetChunk { size, data }), download))
        }
        Err(error) => {
            download.is_over = true;
            let path = std::path::PathBuf::from(download.digest.to_string());
            let error = BlobError::Io {
                action: "read",
                path,
                source: error,
            };
            Some((Err(status::blob(&error)), download))
        }
    }
}

/// Up to a whole chunk; less only at the end.
async fn read_chunk(file: &mut tokio::fs::File) -> std::io::Result<Bytes> {
    let mut data = BytesMut::with_capacity(limit::CHUNK_BYTES);
    let mut rest = file.take(limit::CHUNK_BYTES as u64);
    while rest.read_buf(&mut data).await? > 0 {}
    Ok(data.freeze())
}
