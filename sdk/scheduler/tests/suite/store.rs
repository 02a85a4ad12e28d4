//! Uploads and downloads on real sockets, against a store of a few lines.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener as StdListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use stoker_proto::v1::{
    self, GetChunk, GetRequest, ListRequest, ListResponse, PutRequest, PutResponse, RemoveRequest,
    RemoveResponse, StatRequest, StatResponse,
    artifact_service_server::{ArtifactService, ArtifactServiceServer},
    put_request::Part,
};
use stoker_sdk_scheduler::{
    Digest,
    artifacts::{ArtifactError, ArtifactKind, Artifacts},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// What the store is to do beside storing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mood {
    #[default]
    Good,
    /// It has no room.
    Full,
    /// It sends other bytes.
    Damaged,
}

/// What was uploaded, by digest: its header's name and kind, and its content.
type Named = BTreeMap<String, (String, i32, Vec<u8>)>;

#[derive(Clone, Default)]
struct Store {
    artifacts: Arc<Mutex<Named>>,
    mood: Mood,
}

#[tonic::async_trait]
impl ArtifactService for Store {
    async fn put(
        &self,
        request: Request<Streaming<PutRequest>>,
    ) -> Result<Response<PutResponse>, Status> {
        if self.mood == Mood::Full {
            return Err(Status::resource_exhausted(
                "the store holds 1 GiB and is full",
            ));
        }
        let mut parts = request.into_inner();
        let (mut name, mut kind, mut content) = (String::new(), 0, Vec::new());
        while let Some(PutRequest { part }) = parts.message().await? {
            match part.unwrap() {
                Part::Header(header) => (name, kind) = (header.name, header.kind),
                Part::Chunk(chunk) => {
                    assert!(!name.is_empty() && chunk.len() <= 64 * 1024);
                    content.extend_from_slice(&chunk);
                }
            }
        }
        let digest = Digest::of(&content).to_string();
        let size = content.len() as u64;
        self.artifacts
            .lock()
            .unwrap()
            .insert(digest.clone(), (name, kind, content));
        Ok(Response::new(PutResponse {
            digest,
            size,
            already_there: false,
        }))
    }

    type GetStream = ReceiverStream<Result<GetChunk, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        let digest = request.into_inner().digest;
        let artifact = self.artifacts.lock().unwrap().get(&digest).cloned();
        let (_, _, mut content) = artifact.ok_or_else(|| Status::not_found("none"))?;
        let size = content.len() as u64;
        if self.mood == Mood::Damaged {
            content[0] ^= 1;
        }
        let (sender, receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            for (index, data) in content.chunks(64 * 1024).enumerate() {
                let size = (index == 0).then_some(size);
                let data = data.to_vec().into();
                sender.send(Ok(GetChunk { size, data })).await.unwrap();
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn stat(&self, request: Request<StatRequest>) -> Result<Response<StatResponse>, Status> {
        let digest = request.into_inner().digest;
        let artifact = self.artifacts.lock().unwrap().get(&digest).cloned();
        let artifact = artifact.map(|(name, kind, content)| v1::Artifact {
            digest,
            kind,
            size: content.len() as u64,
            name,
            created_at_us: 7,
        });
        Ok(Response::new(StatResponse { artifact }))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        Err(Status::unimplemented("no"))
    }

    async fn remove(&self, _: Request<RemoveRequest>) -> Result<Response<RemoveResponse>, Status> {
        Err(Status::unimplemented("no"))
    }
}

async fn serve(store: Store) -> Artifacts {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(
        Server::builder()
            .add_service(ArtifactServiceServer::new(store))
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    Artifacts::connect(&[address], Duration::from_secs(20))
        .await
        .unwrap()
}

/// More than a few chunks, and no whole number of them.
fn content() -> Vec<u8> {
    (0..1_000_001_u32)
        .map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)])
        .collect()
}

#[tokio::test]
async fn a_file_goes_up_once_and_comes_down_as_it_was() {
    let store = Store::default();
    let client = serve(store.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest.wasm");
    fs::write(&path, content()).unwrap();

    let mut steps = Vec::new();
    let progress = |done, total| steps.push((done, total));
    let upload = client
        .upload_file(&path, ArtifactKind::Module, progress)
        .await
        .unwrap();
    assert_eq!(
        (upload.digest, upload.size),
        (Digest::of(&content()), 1_000_001)
    );
    assert!(!upload.was_there);
    assert_eq!(steps.first(), Some(&(0, 1_000_001)));
    assert_eq!(steps.last(), Some(&(1_000_001, 1_000_001)));
    assert!(steps.is_sorted());

    let artifact = client
        .stat(upload.digest)
        .await
        .unwrap()
        .expect("it is there");
    assert_eq!(
        (artifact.name.as_str(), artifact.size),
        ("guest.wasm", 1_000_001)
    );
    let again = client
        .upload_file(&path, ArtifactKind::Module, |_, _| {})
        .await
        .unwrap();
    assert!(again.was_there);
    let bytes = client
        .upload_bytes("same", &content(), ArtifactKind::Blob)
        .await
        .unwrap();
    assert!(bytes.was_there);

    let mut target = Vec::new();
    let mut last = (0, 0);
    let progress = |done, total| last = (done, total);
    let size = client
        .download(upload.digest, &mut target, progress)
        .await
        .unwrap();
    assert_eq!((size, last), (1_000_001, (1_000_001, 1_000_001)));
    assert!(target == content());
}

#[tokio::test]
async fn a_blob_is_sent_again_to_become_a_module() {
    let client = serve(Store::default()).await;
    let upload = async |kind| {
        let upload = client.upload_bytes("guest", b"wasm", kind).await.unwrap();
        let artifact = client.stat(upload.digest).await.unwrap().unwrap();
        (upload.was_there, artifact.kind)
    };
    let (module, blob) = (ArtifactKind::Module, ArtifactKind::Blob);
    assert_eq!(upload(blob).await, (false, blob));
    assert_eq!(upload(blob).await, (true, blob));
    assert_eq!(upload(module).await, (false, module));
    assert_eq!(upload(module).await, (true, module));
    assert_eq!(upload(blob).await, (true, module));
}

#[tokio::test]
async fn nothing_is_an_artifact_too() {
    let client = serve(Store::default()).await;
    let upload = client
        .upload_bytes("empty", &[], ArtifactKind::Blob)
        .await
        .unwrap();
    assert_eq!((upload.digest, upload.size), (Digest::of(&[]), 0));
    let mut target = Vec::new();
    assert_eq!(
        client
            .download(upload.digest, &mut target, |_, _| {})
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn what_the_master_refuses_is_told_in_its_words() {
    let client = serve(Store {
        mood: Mood::Full,
        ..Store::default()
    })
    .await;
    // Far more than fits into the queues, so that the refusal comes while it is sent.
    let large = vec![7; 8 << 20];
    let error = client
        .upload_bytes("large", &large, ArtifactKind::Blob)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the master did not store the artifact: the store holds 1 GiB and is full"
    );
}

#[tokio::test]
async fn what_is_missing_or_damaged_is_told_apart() {
    let client = serve(Store {
        mood: Mood::Damaged,
        ..Store::default()
    })
    .await;
    let digest = client
        .upload_bytes("a", b"content", ArtifactKind::Blob)
        .await
        .unwrap()
        .digest;
    let mut target = Vec::new();
    let damaged = client
        .download(digest, &mut target, |_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(damaged, ArtifactError::Damaged { digest: of } if of == digest));

    let other = Digest::of(b"other");
    let missing = client
        .download(other, &mut target, |_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(missing, ArtifactError::NotFound { digest } if digest == other));
    assert_eq!(client.stat(other).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let client = serve(Store::default()).await;
    let path = std::path::Path::new("/nowhere/guest.wasm");
    let error = client
        .upload_file(path, ArtifactKind::Module, |_, _| {})
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read /nowhere/guest.wasm: No such file")
    );
}

#[tokio::test]
async fn a_master_that_is_not_there_is_waited_for_and_then_given_up() {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let wait = Duration::from_millis(200);
    let error = Artifacts::connect(&[&address], wait)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("no master at {address} within 200ms: ")),
        "{error}"
    );
    assert!(Artifacts::connect(&["ftp://x"], wait).await.is_err());
}
