//! Fetching from a real server whose store misbehaves.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use stoker_proto::v1::{
    self, GetChunk,
    artifact_service_server::{ArtifactService, ArtifactServiceServer},
};
use stoker_types::Reason;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, transport::Server};

use super::*;

type Chunks = std::pin::Pin<Box<dyn Stream<Item = Result<GetChunk, Status>> + Send>>;

/// Answers each request with what `answer` makes of its number, counted from 0.
struct FakeStore {
    requests: AtomicU32,
    answer: fn(u32) -> Result<Vec<GetChunk>, Status>,
}

#[tonic::async_trait]
impl ArtifactService for FakeStore {
    type GetStream = Chunks;

    async fn get(&self, _: Request<GetRequest>) -> Result<Response<Chunks>, Status> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let chunks = (self.answer)(number)?;
        Ok(Response::new(stream::iter(chunks).map(Ok).boxed()))
    }

    async fn put(
        &self,
        _: Request<tonic::Streaming<v1::PutRequest>>,
    ) -> Result<Response<v1::PutResponse>, Status> {
        Err(Status::unimplemented("put"))
    }

    async fn stat(
        &self,
        _: Request<v1::StatRequest>,
    ) -> Result<Response<v1::StatResponse>, Status> {
        Err(Status::unimplemented("stat"))
    }

    async fn list(
        &self,
        _: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListResponse>, Status> {
        Err(Status::unimplemented("list"))
    }

    async fn remove(
        &self,
        _: Request<v1::RemoveRequest>,
    ) -> Result<Response<v1::RemoveResponse>, Status> {
        Err(Status::unimplemented("remove"))
    }
}

fn chunk(size: Option<u64>, data: &'static [u8]) -> GetChunk {
    GetChunk {
        size,
        data: Bytes::from_static(data),
    }
}

/// Fetches `digest`, up to 10 bytes, and says how many requests that took.
async fn fetch_from(
    answer: fn(u32) -> Result<Vec<GetChunk>, Status>,
    digest: Digest,
    kind: Kind,
) -> (Result<Vec<u8>, PrepareFailure>, u32) {
    let store = Arc::new(FakeStore {
        requests: AtomicU32::new(0),
        answer,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder()
        .add_service(ArtifactServiceServer::from_arc(Arc::clone(&store)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let server = tokio::spawn(server);
    let channel = Channel::from_shared(address)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let master = MasterChannel::fixed(Some(channel));
    let fetched = fetch(
        &master,
        Wanted {
            digest,
            kind,
            most: 10,
        },
        NamedTempFile::new,
    )
    .await;
    server.abort();
    let content = fetched.map(|file| {
        std::io::read_to_string(file.into_file())
            .unwrap()
            .into_bytes()
    });
    (content, store.requests.load(Ordering::Relaxed))
}

#[tokio::test]
async fn chunks_are_put_together_and_verified() {
    let answer = |_| Ok(vec![chunk(Some(6), b"wasm"), chunk(None, b" a")]);
    let (content, requests) = fetch_from(answer, Digest::of(b"wasm a"), Kind::Module).await;
    assert_eq!((content.unwrap(), requests), (b"wasm a".to_vec(), 1));
}

#[tokio::test]
async fn what_comes_broken_or_not_at_all_is_asked_for_again() {
    let answer = |number| match number {
        0 => Err(Status::unavailable("starting")),
        1 => Ok(vec![chunk(Some(6), b"wasm b")]),
        _ => Ok(vec![chunk(Some(6), b"wasm a")]),
    };
    let (content, requests) = fetch_from(answer, Digest::of(b"wasm a"), Kind::Module).await;
    assert_eq!((content.unwrap(), requests), (b"wasm a".to_vec(), 3));
}

#[tokio::test]
async fn a_missing_blob_is_final_and_says_what_to_do() {
    let answer = |_| Err(Status::not_found("no such artifact"));
    let digest = Digest::of(b"wasm a");
    let (module, requests) = fetch_from(answer, digest, Kind::Module).await;
    let module = module.unwrap_err();
    assert_eq!((module.reason, requests), (Reason::ModuleNotFound, 1));
    assert!(
        module.message.contains("stoker module push"),
        "{}",
        module.message
    );
    let (stdin, _) = fetch_from(answer, digest, Kind::Blob).await;
    assert_eq!(stdin.unwrap_err().reason, Reason::InputNotFound);
}

#[tokio::test]
async fn a_large_blob_is_refused_by_its_size_and_by_its_bytes() {
    let announced = |_| Ok(vec![chunk(Some(11), b"")]);
    let digest = Digest::of(b"wasm a");
    let (module, _) = fetch_from(announced, digest, Kind::Module).await;
    assert_eq!(module.unwrap_err().reason, Reason::ModuleTooLarge);
    let lying = |_| Ok(vec![chunk(Some(1), b"123456"), chunk(None, b"789012")]);
    let (module, _) = fetch_from(lying, digest, Kind::Module).await;
    assert_eq!(module.unwrap_err().reason, Reason::ModuleTooLarge);
}
