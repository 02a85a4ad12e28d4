//! The blob store over the wire.

use stoker_proto::v1::put_request::{Header, Part};
use stoker_types::Digest;
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::*;

fn header(expected_digest: String) -> v1::PutRequest {
    let header = Header {
        kind: v1::ArtifactKind::Module.into(),
        name: "hello.wasm".to_owned(),
        expected_digest,
    };
    v1::PutRequest {
        part: Some(Part::Header(header)),
    }
}

fn chunk(data: &[u8]) -> v1::PutRequest {
    v1::PutRequest {
        part: Some(Part::Chunk(bytes::Bytes::copy_from_slice(data))),
    }
}

fn upload(content: &[u8]) -> Vec<v1::PutRequest> {
    let chunks = content.chunks(64 << 10).map(chunk);
    std::iter::once(header(String::new()))
        .chain(chunks)
        .collect()
}

async fn download(master: &TestMaster, digest: &str) -> (u64, Vec<u8>) {
    let request = v1::GetRequest {
        digest: digest.to_owned(),
    };
    let mut chunks = master
        .artifacts()
        .await
        .get(request)
        .await
        .unwrap()
        .into_inner();
    let (mut size, mut content) = (None, Vec::new());
    while let Some(chunk) = within("a chunk", chunks.next()).await {
        let chunk = chunk.unwrap();
        size = size.or(chunk.size);
        content.extend_from_slice(&chunk.data);
    }
    (size.unwrap(), content)
}

#[tokio::test]
async fn an_artifact_goes_in_comes_out_and_survives_the_master() {
    let master = TestMaster::start().await;
    let content: Vec<u8> = (0..200_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
    let digest = Digest::of(&content).to_string();
    let mut client = master.artifacts().await;
    let put = client
        .put(tokio_stream::iter(upload(&content)))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (&put.digest, put.size, put.already_there),
        (&digest, 200_000, false)
    );
    let put = client
        .put(tokio_stream::iter(upload(&content)))
        .await
        .unwrap()
        .into_inner();
    assert!(put.already_there);

    let folder = master.stop().await;
    let master = TestMaster::start_in(folder, |_| {}).await;
    assert_eq!(download(&master, &digest).await, (200_000, content));
    let mut client = master.artifacts().await;
    let list = client
        .list(v1::ListRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.artifacts.len(), 1);
    assert_eq!(list.artifacts[0].name, "hello.wasm");
    let remove = v1::RemoveRequest {
        digest: digest.clone(),
    };
    assert!(client.remove(remove).await.unwrap().into_inner().removed);
    let stat = client
        .stat(v1::StatRequest { digest })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stat.artifact, None);
}

#[tokio::test]
async fn the_empty_artifact_has_one_chunk() {
    let master = TestMaster::start().await;
    let put = master
        .artifacts()
        .await
        .put(tokio_stream::iter(upload(b"")))
        .await;
    let digest = put.unwrap().into_inner().digest;
    assert_eq!(download(&master, &digest).await, (0, Vec::new()));
}

#[tokio::test]
async fn an_upload_that_is_not_right_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let master = TestMaster::start_in(folder, |config| config.max_blob_size = 100_000).await;
    let mut client = master.artifacts().await;
    let wrong = Digest::of(b"other").to_string();
    let uploads: [(&str, Vec<v1::PutRequest>, Code, &str); 6] = [
        (
            "digest",
            vec![header(wrong), chunk(b"x")],
            Code::InvalidArgument,
            "upload the file",
        ),
        (
            "size",
            upload(&[0; 100_001]),
            Code::InvalidArgument,
            "max_blob_size",
        ),
        (
            "order",
            vec![chunk(b"x")],
            Code::InvalidArgument,
            "begins with its header",
        ),
        (
            "chunk",
            vec![header(String::new()), chunk(&[0; 65_537])],
            Code::InvalidArgument,
            "65536",
        ),
        (
            "part",
            vec![v1::PutRequest { part: None }],
            Code::InvalidArgument,
            "header or a chunk",
        ),
        (
            "text",
            vec![header("md5:00".to_owned())],
            Code::InvalidArgument,
            "expected_digest",
        ),
    ];
    for (what, parts, code, words) in uploads {
        let error = client.put(tokio_stream::iter(parts)).await.unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(error.message().contains(words), "{what}: {error}");
    }
    let list = client
        .list(v1::ListRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.artifacts, []);
    let missing = v1::GetRequest {
        digest: Digest::of(b"missing").to_string(),
    };
    assert_eq!(
        client.get(missing).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_full_store_refuses_uploads_with_its_limit_and_all_else_goes_on() {
    let full = |config: &mut MasterConfig| {
        config.max_blob_size = 100_000;
        config.blob_capacity = 150_000;
    };
    let mut cluster = super::cluster::Running::start(full).await;
    let mut client = cluster.master.artifacts().await;
    let first = client.put(tokio_stream::iter(upload(&[1; 100_000]))).await;
    let first = first.unwrap().into_inner().digest;
    let error = client.put(tokio_stream::iter(upload(&[2; 100_000]))).await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    for words in ["97.7 KiB of 146.5 KiB", "blob_capacity", "stoker module rm"] {
        assert!(error.message().contains(words), "{error}");
    }
    // What is there is served, and the task that runs comes to its end.
    assert_eq!(download(&cluster.master, &first).await.0, 100_000);
    let finished = super::cluster::update(&cluster.launch, 2, stoker_types::TaskState::Finished);
    cluster
        .agent
        .call(AgentCall::Update(finished.clone()))
        .await;
    assert_eq!(
        cluster.scheduler.event().await.unwrap(),
        Event::Update(finished)
    );
    let remove = v1::RemoveRequest { digest: first };
    assert!(client.remove(remove).await.unwrap().into_inner().removed);
    let second = client.put(tokio_stream::iter(upload(&[2; 100_000]))).await;
    assert!(second.is_ok(), "{second:?}");
}

#[tokio::test]
async fn a_master_collects_blobs_that_nobody_needs_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let master = TestMaster::start_in(folder, |config| {
        config.blob_retention = Duration::from_millis(100);
        config.blob_collection_interval = Duration::from_millis(20);
        config.reregister_timeout = Duration::from_millis(20);
    })
    .await;
    let mut client = master.artifacts().await;
    let module = client.put(tokio_stream::iter(upload(b"module"))).await;
    let module = module.unwrap().into_inner().digest;
    let blob = Header {
        kind: v1::ArtifactKind::Blob.into(),
        ..Header::default()
    };
    let blob = v1::PutRequest {
        part: Some(Part::Header(blob)),
    };
    client
        .put(tokio_stream::iter([blob, chunk(b"blob")]))
        .await
        .unwrap();
    wait_for("the end of the blob", async || {
        let request = v1::ListRequest::default();
        let listed = client.clone().list(request).await.unwrap().into_inner();
        let digests: Vec<_> = listed.artifacts.into_iter().map(|one| one.digest).collect();
        (digests == [module.clone()]).then_some(())
    })
    .await;
    wait_for("the count", async || {
        let (_, page) = master.get("/metrics").await;
        let line = "stoker_master_blobs_collected_total 1";
        page.contains(line).then_some(())
    })
    .await;
}
