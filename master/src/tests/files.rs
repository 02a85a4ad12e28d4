//! A task's files from its agent to a reader.

use stoker_types::{FileEntry, FileKind, SandboxPath, Timestamp, agent::Wanted};
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::{cluster::Running, output::transfer, *};

/// What the agent is asked next.
async fn asked(cluster: &mut Running) -> (u64, Wanted) {
    let event = cluster.agent.event().await.unwrap();
    let AgentEvent::Transfer(request) = event else {
        panic!("no transfer but {event:?}")
    };
    assert_eq!(request.task, cluster.key());
    (request.ticket, request.wanted)
}

fn list_request(cluster: &Running, path: &str) -> v1::ListFilesRequest {
    v1::ListFilesRequest {
        task: Some(cluster.key().into()),
        path: path.to_owned(),
        recursive: true,
    }
}

fn read_request(cluster: &Running, path: &str) -> v1::ReadFileRequest {
    v1::ReadFileRequest {
        task: Some(cluster.key().into()),
        path: path.to_owned(),
        offset: 3,
    }
}

fn entries(count: usize) -> Vec<v1::FileEntry> {
    let entry = |index| FileEntry {
        path: format!("out/{index}"),
        kind: FileKind::File,
        size: 5,
        modified: Timestamp::from_micros(7),
    };
    (0..count).map(|index| entry(index).into()).collect()
}

#[tokio::test]
async fn a_listing_passes_from_the_agent_to_the_reader() {
    let mut cluster = Running::start(|_| {}).await;
    let mut operators = cluster.master.operators().await;
    let request = list_request(&cluster, "./out/");
    let reading = tokio::spawn(async move { operators.list_files(request).await });
    let (ticket, wanted) = asked(&mut cluster).await;
    let path = SandboxPath::Guest("out".to_owned());
    let recursive = true;
    assert_eq!(wanted, Wanted::Listing { path, recursive });
    let (chunks, _ending) = transfer(&cluster).await;
    let first = v1::TransferChunk {
        ticket: Some(ticket),
        entries: entries(256),
        ..Default::default()
    };
    chunks.send(first).await.unwrap();
    let last = v1::TransferChunk {
        end: true,
        left_out: 9,
        ..Default::default()
    };
    chunks.send(last).await.unwrap();
    let mut parts = within("the reader", reading)
        .await
        .unwrap()
        .unwrap()
        .into_inner();
    let part = within("a part", parts.next()).await.unwrap().unwrap();
    assert_eq!((part.entries, part.left_out), (entries(256), 0));
    let part = within("a part", parts.next()).await.unwrap().unwrap();
    assert_eq!((part.entries.len(), part.left_out), (0, 9));
    assert!(within("the end", parts.next()).await.is_none());
}

#[tokio::test]
async fn a_file_passes_with_its_kind_also_if_it_is_empty() {
    let mut cluster = Running::start(|_| {}).await;
    let mut operators = cluster.master.operators().await;
    let request = read_request(&cluster, "stdout");
    let reading = tokio::spawn(async move { operators.read_file(request).await });
    let (ticket, wanted) = asked(&mut cluster).await;
    let path = "stdout".parse().unwrap();
    assert_eq!(wanted, Wanted::File { path, offset: 3 });
    let (chunks, _ending) = transfer(&cluster).await;
    let first = v1::TransferChunk {
        ticket: Some(ticket),
        kind: v1::FileKind::File.into(),
        ..Default::default()
    };
    chunks.send(first).await.unwrap();
    let last = v1::TransferChunk {
        end: true,
        ..Default::default()
    };
    chunks.send(last).await.unwrap();
    let mut parts = within("the reader", reading)
        .await
        .unwrap()
        .unwrap()
        .into_inner();
    let part = within("a part", parts.next()).await.unwrap().unwrap();
    assert_eq!((part.kind(), part.data.len()), (v1::FileKind::File, 0));
    assert!(within("the end", parts.next()).await.is_none());
}

#[tokio::test]
async fn a_path_that_leads_out_is_refused_before_an_agent_hears_of_it() {
    let cluster = Running::start(|_| {}).await;
    let mut operators = cluster.master.operators().await;
    for path in ["../x", "/etc/passwd", "a/../../b", "a\0b"] {
        let listed = operators.list_files(list_request(&cluster, path)).await;
        let read = operators.read_file(read_request(&cluster, path)).await;
        for error in [listed.unwrap_err(), read.unwrap_err()] {
            assert_eq!(error.code(), Code::InvalidArgument, "{path}: {error}");
            assert!(error.message().contains("relative path"), "{error}");
        }
    }
    let unknown = v1::ReadFileRequest {
        task: Some(v1::TaskKey {
            task_id: "nobody".to_owned(),
            ..cluster.key().into()
        }),
        path: "x".to_owned(),
        offset: 0,
    };
    let error = operators.read_file(unknown).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

#[tokio::test]
async fn an_agent_that_breaks_the_rules_of_a_listing_ends_it_in_words() {
    let mut cluster = Running::start(|_| {}).await;
    let mut wrong = entries(1);
    wrong[0].path = "x".repeat(5_000);
    for entries in [entries(257), wrong] {
        let mut operators = cluster.master.operators().await;
        let request = list_request(&cluster, "");
        let reading = tokio::spawn(async move { operators.list_files(request).await });
        let (ticket, _) = asked(&mut cluster).await;
        let (chunks, ending) = transfer(&cluster).await;
        let chunk = v1::TransferChunk {
            ticket: Some(ticket),
            entries,
            ..Default::default()
        };
        chunks.send(chunk).await.unwrap();
        let mut parts = within("the reader", reading)
            .await
            .unwrap()
            .unwrap()
            .into_inner();
        let error = within("the end", parts.message()).await.unwrap_err();
        assert!(error.message().contains("broke a rule: entries"), "{error}");
        let ended = within("the transfer's end", ending).await.unwrap();
        assert_eq!(ended.unwrap_err().code(), Code::InvalidArgument);
    }
}
