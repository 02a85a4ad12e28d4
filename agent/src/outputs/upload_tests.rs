//! A store that takes what guests leave, does not, or is away.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::Stream;
use stoker_proto::v1::{
    self, GetChunk,
    artifact_service_server::{ArtifactService, ArtifactServiceServer},
    put_request::Part,
};
use stoker_types::{Digest, limit};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Server},
};

use super::{tests::write, *};

/// A store in memory, with a will of its own.
#[derive(Default)]
struct FakeStore {
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: AtomicU32,
    /// This many uploads meet a master that is not ready.
    away: u32,
    is_full: AtomicBool,
}

#[tonic::async_trait]
impl ArtifactService for FakeStore {
    type GetStream = std::pin::Pin<Box<dyn Stream<Item = Result<GetChunk, Status>> + Send>>;

    async fn get(&self, _: Request<v1::GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        Err(Status::unimplemented("get"))
    }

    async fn put(
        &self,
        request: Request<tonic::Streaming<v1::PutRequest>>,
    ) -> Result<Response<v1::PutResponse>, Status> {
        if self.requests.fetch_add(1, Ordering::SeqCst) < self.away {
            return Err(Status::unavailable("not ready"));
        }
        if self.is_full.load(Ordering::SeqCst) {
            return Err(Status::resource_exhausted("the blob store is full: 10 GiB"));
        }
        let mut parts = request.into_inner();
        let mut expected = String::new();
        let mut content = Vec::new();
        while let Some(part) = parts.message().await? {
            match part.part {
                Some(Part::Header(header)) => expected = header.expected_digest,
                Some(Part::Chunk(chunk)) => {
                    assert!(chunk.len() <= limit::CHUNK_BYTES);
                    content.extend_from_slice(&chunk);
                }
                None => return Err(Status::invalid_argument("nothing")),
            }
        }
        let digest = Digest::of(&content).to_string();
        if digest != expected {
            return Err(Status::invalid_argument("another digest"));
        }
        let size = content.len() as u64;
        self.blobs.lock().unwrap().insert(digest.clone(), content);
        Ok(Response::new(v1::PutResponse {
            digest,
            size,
            already_there: false,
        }))
    }

    async fn stat(
        &self,
        request: Request<v1::StatRequest>,
    ) -> Result<Response<v1::StatResponse>, Status> {
        let digest = request.into_inner().digest;
        let is_there = self.blobs.lock().unwrap().contains_key(&digest);
        let artifact = is_there.then(v1::Artifact::default);
        Ok(Response::new(v1::StatResponse { artifact }))
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

/// A task's sandbox, a master, and the uploads between them.
struct Bench {
    work: PathBuf,
    _root: TempDir,
    task: TaskKey,
    store: Arc<FakeStore>,
    uploads: Uploads,
    inputs: mpsc::Receiver<Input>,
}

impl Bench {
    async fn new(store: FakeStore) -> Self {
        let store = Arc::new(store);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .add_service(ArtifactServiceServer::from_arc(Arc::clone(&store)))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        let channel = Channel::from_shared(address)
            .unwrap()
            .connect()
            .await
            .unwrap();
        let root = tempfile::tempdir().unwrap();
        let task = TaskKey {
            framework_id: "framework-aaaaaaaaaaaaa".parse().unwrap(),
            task_id: "map-1".parse().unwrap(),
        };
        let sandboxes = root.path().to_owned();
        let work = sandbox(&sandboxes, &task).join(WORK_FOLDER);
        fs::create_dir_all(&work).unwrap();
        let (sender, inputs) = mpsc::channel(10);
        Self {
            work,
            _root: root,
            task,
            store,
            uploads: Uploads::new(MasterChannel::fixed(Some(channel)), sandboxes, sender),
            inputs,
        }
    }

    async fn upload(&mut self, paths: &[&str]) -> Result<Vec<OutputFile>, UploadFailure> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self.uploads.start(self.task.clone(), paths);
        let answer = timeout(Duration::from_secs(30), self.inputs.recv()).await;
        match answer.unwrap() {
            Some(Input::OutputsUploaded { task, result }) => {
                assert_eq!(task, self.task);
                self.uploads.uploaded(&task);
                result
            }
            other => panic!("{other:?}"),
        }
    }

    fn stored(&self, output: &OutputFile) -> Vec<u8> {
        self.store.blobs.lock().unwrap()[&output.digest.to_string()].clone()
    }
}

#[tokio::test]
async fn all_outputs_are_in_the_store_when_that_is_told() {
    let mut bench = Bench::new(FakeStore::default()).await;
    let large: Vec<u8> = (0..300_000_u32).map(|index| (index % 251) as u8).collect();
    write(&bench.work, "large", &large);
    write(&bench.work, "out/small", "small");
    let outputs = bench.upload(&["large", "out", "out/small"]).await.unwrap();
    let paths: Vec<&str> = outputs.iter().map(|output| &*output.path).collect();
    assert_eq!(paths, ["large", "out", "out/small"]);
    assert!(bench.stored(&outputs[0]) == large);
    assert_eq!(bench.stored(&outputs[1]).len() as u64, outputs[1].size);
    assert_eq!(bench.stored(&outputs[2]), b"small");
    // What is there is not sent again, unless asking costs as much.
    let before = bench.store.requests.load(Ordering::SeqCst);
    assert_eq!(bench.upload(&["large"]).await.unwrap(), outputs[..1]);
    assert_eq!(bench.store.requests.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn a_master_that_is_away_is_waited_for() {
    let mut bench = Bench::new(FakeStore {
        away: 3,
        ..FakeStore::default()
    })
    .await;
    write(&bench.work, "a", "a");
    let outputs = bench.upload(&["a"]).await.unwrap();
    assert_eq!(bench.stored(&outputs[0]), b"a");
}

#[tokio::test]
async fn what_is_missing_or_refused_is_told_with_its_path() {
    let mut bench = Bench::new(FakeStore::default()).await;
    write(&bench.work, "a", "a");
    let missing = bench.upload(&["a", "none"]).await.unwrap_err();
    assert_eq!(missing.reason, Reason::OutputMissing);
    assert_eq!(missing.message, "its output \"none\" is not there");

    bench.store.is_full.store(true, Ordering::SeqCst);
    write(&bench.work, "large", vec![1; 500_000]);
    for path in ["a", "large"] {
        let refused = bench.upload(&[path]).await.unwrap_err();
        assert_eq!(refused.reason, Reason::OutputRefused);
        assert!(
            refused.message.contains("full: 10 GiB"),
            "{}",
            refused.message
        );
    }
}

#[tokio::test]
async fn an_upload_that_is_cancelled_is_not_told() {
    let mut bench = Bench::new(FakeStore {
        away: u32::MAX,
        ..FakeStore::default()
    })
    .await;
    write(&bench.work, "a", "a");
    bench
        .uploads
        .start(bench.task.clone(), vec!["a".to_owned()]);
    tokio::task::yield_now().await;
    bench.uploads.cancel(&bench.task);
    assert!(
        timeout(Duration::from_millis(300), bench.inputs.recv())
            .await
            .is_err()
    );
}
