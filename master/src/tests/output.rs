//! A task's output from its agent to a reader, and the watch.

use stoker_proto::v1::watch_event::Change;
use stoker_types::{
    TaskState,
    agent::{OutputStream, Wanted},
};
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::{cluster::Running, *};

fn request(cluster: &Running, follow: bool) -> v1::ReadOutputRequest {
    v1::ReadOutputRequest {
        task: Some(cluster.key().into()),
        stream: v1::OutputStream::from(OutputStream::Stdout).into(),
        offset: 3,
        follow,
    }
}

fn chunk(ticket: Option<u64>, text: &'static str) -> v1::TransferChunk {
    v1::TransferChunk {
        ticket,
        data: text.as_bytes().into(),
        ..Default::default()
    }
}

/// Begins to read; the ticket that the agent was told.
async fn begin(
    cluster: &mut Running,
    follow: bool,
) -> (u64, JoinHandle<Result<Streaming<v1::OutputChunk>, Status>>) {
    let mut operators = cluster.master.operators().await;
    let request = request(cluster, follow);
    let reading = tokio::spawn(async move {
        operators
            .read_output(request)
            .await
            .map(tonic::Response::into_inner)
    });
    let event = cluster.agent.event().await.unwrap();
    let AgentEvent::Transfer(transfer) = event else {
        panic!("no transfer but {event:?}")
    };
    let wanted = Wanted::Output {
        stream: OutputStream::Stdout,
        offset: 3,
        follow,
    };
    assert_eq!((transfer.task, transfer.wanted), (cluster.key(), wanted));
    (transfer.ticket, reading)
}

/// A transfer stream, on the connection of the agent's control stream.
pub(super) async fn transfer(
    cluster: &Running,
) -> (
    mpsc::Sender<v1::TransferChunk>,
    JoinHandle<Result<(), Status>>,
) {
    let (chunks, outgoing) = mpsc::channel(4);
    let mut client = AgentServiceClient::new(cluster.agent.channel.clone());
    let ending = tokio::spawn(async move {
        client
            .transfer(ReceiverStream::new(outgoing))
            .await
            .map(|_| ())
    });
    (chunks, ending)
}

#[tokio::test]
async fn output_passes_from_the_agent_to_the_reader() {
    let mut cluster = Running::start(|_| {}).await;
    let (ticket, reading) = begin(&mut cluster, false).await;
    let (chunks, ending) = transfer(&cluster).await;
    chunks.send(chunk(Some(ticket), "hello ")).await.unwrap();
    let mut output = within("the reader", reading).await.unwrap().unwrap();
    let lost = v1::TransferChunk {
        lost_bytes: 9,
        end: true,
        ..chunk(None, "world")
    };
    chunks.send(lost).await.unwrap();
    let mut read = Vec::new();
    while let Some(chunk) = within("a chunk", output.next()).await {
        let chunk = chunk.unwrap();
        read.push((chunk.data, chunk.lost_bytes));
    }
    assert_eq!(read, [("hello ".into(), 0), ("world".into(), 9)]);
    within("the transfer's end", ending).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_agents_stream() {
    let mut cluster = Running::start(|_| {}).await;
    let (ticket, reading) = begin(&mut cluster, true).await;
    let (chunks, ending) = transfer(&cluster).await;
    chunks.send(chunk(Some(ticket), "hello")).await.unwrap();
    drop(within("the reader", reading).await.unwrap().unwrap());
    within("the transfer's end", ending).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_nothing_but_its_own_transfer() {
    let mut cluster = Running::start(|_| {}).await;
    let (ticket, reading) = begin(&mut cluster, true).await;
    let (chunks, _ending) = transfer(&cluster).await;
    chunks.send(chunk(Some(ticket), "hello")).await.unwrap();
    let _unread = within("the reader", reading).await.unwrap().unwrap();
    // All queues on the way together hold less than this.
    let filling = tokio::spawn(async move {
        let data = bytes::Bytes::from(vec![0; 64 << 10]);
        for _ in 0..1_000 {
            let chunk = v1::TransferChunk {
                data: data.clone(),
                ..Default::default()
            };
            if chunks.send(chunk).await.is_err() {
                return;
            }
        }
    });
    let stalled = Duration::from_millis(200);
    assert!(
        tokio::time::timeout(stalled, filling).await.is_err(),
        "nothing slowed the agent"
    );

    let finished = super::cluster::update(&cluster.launch, 2, TaskState::Finished);
    cluster
        .agent
        .call(AgentCall::Update(finished.clone()))
        .await;
    assert_eq!(
        cluster.scheduler.event().await.unwrap(),
        Event::Update(finished)
    );
}

#[tokio::test]
async fn an_agent_that_leaves_or_cannot_ends_the_readers_stream_in_words() {
    let mut cluster = Running::start(|_| {}).await;
    let (ticket, reading) = begin(&mut cluster, true).await;
    let (chunks, _ending) = transfer(&cluster).await;
    chunks.send(chunk(Some(ticket), "hello")).await.unwrap();
    let mut output = within("the reader", reading).await.unwrap().unwrap();
    drop(chunks);
    assert_eq!(
        within("a chunk", output.message())
            .await
            .unwrap()
            .unwrap()
            .data,
        "hello"
    );
    let error = within("the end", output.message()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");

    let (ticket, reading) = begin(&mut cluster, false).await;
    let (chunks, _ending) = transfer(&cluster).await;
    let failed = v1::TransferChunk {
        error: Some("no such file".to_owned()),
        ..chunk(Some(ticket), "")
    };
    chunks.send(failed).await.unwrap();
    let mut output = within("the reader", reading).await.unwrap().unwrap();
    let error = within("the end", output.message()).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    assert!(error.message().contains("no such file"), "{error}");
}

#[tokio::test]
async fn an_agent_that_does_not_come_is_not_waited_for_for_ever() {
    let timeout = Duration::from_millis(50);
    let mut cluster = Running::start(|config| config.transfer_timeout = timeout).await;
    let (ticket, reading) = begin(&mut cluster, false).await;
    let error = within("the reader", reading).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("within 50ms"), "{error}");
    // And when it comes after all, nobody waits.
    let (chunks, ending) = transfer(&cluster).await;
    chunks.send(chunk(Some(ticket), "late")).await.unwrap();
    let error = within("the transfer's end", ending)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}

#[tokio::test]
async fn a_transfer_without_a_ticket_is_nonsense() {
    let cluster = Running::start(|_| {}).await;
    let (chunks, ending) = transfer(&cluster).await;
    chunks.send(chunk(None, "hello")).await.unwrap();
    let error = within("the transfer's end", ending)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
}

#[tokio::test]
async fn a_watcher_hears_what_is_there_and_then_what_changes() {
    let cluster = Running::start(|_| {}).await;
    wait_for("the running task", async || {
        let tasks = cluster
            .master
            .list("/api/v1/tasks?state=TASK_RUNNING")
            .await;
        (!tasks.is_empty()).then_some(())
    })
    .await;
    let kinds = vec![v1::WatchKind::Agent.into(), v1::WatchKind::Task.into()];
    let mut operators = cluster.master.operators().await;
    let mut events = operators
        .watch(v1::WatchRequest { kinds })
        .await
        .unwrap()
        .into_inner();
    let mut there = Vec::new();
    loop {
        let event = within("an event", events.message()).await.unwrap().unwrap();
        match event.change.unwrap() {
            Change::Synced(_) => break,
            change => there.push(change),
        }
    }
    assert!(
        matches!(&there[..], [Change::Agent(agent), Change::Task(_)] if agent.state == "active"),
        "{there:?}"
    );
    let finished = super::cluster::update(&cluster.launch, 2, TaskState::Finished);
    cluster.agent.call(AgentCall::Update(finished)).await;
    loop {
        let event = within("an event", events.message()).await.unwrap().unwrap();
        assert!(event.at_us > 0 && !event.removed);
        if matches!(event.change, Some(Change::Task(task)) if task.state() == v1::TaskState::TaskFinished)
        {
            break;
        }
    }
    let wrong = v1::WatchRequest { kinds: vec![99] };
    assert_eq!(
        operators.watch(wrong).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}
