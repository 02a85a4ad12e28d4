//! Streams that go wrong: nonsense is refused, who does not read is cut, and the others live.

use stoker_types::TaskId;
use tonic::Code;

use super::*;

fn wire_call(call_id: u64, call: v1::scheduler_call::Call) -> v1::SchedulerCalls {
    v1::SchedulerCalls {
        calls: vec![v1::SchedulerCall {
            call_id,
            call: Some(call),
        }],
    }
}

fn bad_kill(call_id: u64) -> v1::SchedulerCalls {
    let kill = v1::scheduler_call::Kill {
        task_id: "../etc".to_owned(),
        grace_ms: None,
    };
    wire_call(call_id, v1::scheduler_call::Call::Kill(kill))
}

#[tokio::test]
async fn a_scheduler_that_begins_with_nonsense_is_refused_in_words() {
    let master = TestMaster::start().await;
    let mut scheduler = TestScheduler::connect(&master).await;
    scheduler.calls.send(bad_kill(7)).await.unwrap();
    let error = scheduler.event().await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(
        error.message().starts_with("call 7: kill.task_id:"),
        "{error}"
    );
    assert!(error.message().contains("A-Z a-z 0-9"), "{error}");
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_refused_by_its_number_and_the_stream_goes_on() {
    let master = TestMaster::start().await;
    let mut scheduler = TestScheduler::connect(&master).await;
    scheduler.subscribe(None).await;
    scheduler.calls.send(bad_kill(7)).await.unwrap();
    scheduler
        .call(
            8,
            Call::Reconcile {
                tasks: vec!["a".parse().unwrap()],
            },
        )
        .await;
    let event = scheduler.event().await.unwrap();
    let Event::Refused {
        call_id: 7,
        message,
    } = event
    else {
        panic!("{event:?}")
    };
    assert!(message.contains("kill.task_id"), "{message}");
    assert!(matches!(scheduler.event().await, Ok(Event::Update(_))));
}

#[tokio::test]
async fn an_agent_that_sends_nonsense_is_refused_in_words() {
    let master = TestMaster::start().await;
    let mut agent = TestAgent::connect(&master).await;
    let call = v1::AgentCall { call: None };
    agent
        .calls
        .send(v1::AgentCalls { calls: vec![call] })
        .await
        .unwrap();
    let error = agent.event().await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().starts_with("calls[0]"), "{error}");
}

/// Sends messages of another kind on a scheduler's stream; how it ends.
async fn send_as_calls<M: prost::Message + Default + 'static>(
    master: &TestMaster,
    message: M,
) -> Status {
    let mut client = tonic::client::Grpc::new(master.channel().await);
    client.ready().await.unwrap();
    let codec: tonic_prost::ProstCodec<M, v1::SchedulerEvents> = tonic_prost::ProstCodec::new();
    let path =
        tonic::codegen::http::uri::PathAndQuery::from_static("/stoker.v1.SchedulerService/Connect");
    // The stream stays open behind the message.
    let (sender, messages) = mpsc::channel(1);
    sender.send(message).await.unwrap();
    let request = tonic::Request::new(ReceiverStream::new(messages));
    let answer = within("an answer", client.streaming(request, path, codec)).await;
    match answer {
        Ok(events) => within("the end", events.into_inner().message())
            .await
            .unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_is_no_message_or_too_large_is_refused() {
    let master = TestMaster::start().await;
    // Its first field is a number where a batch has calls.
    let other = v1::EpochRecord {
        version: 1,
        epoch: 1,
    };
    let error = send_as_calls(&master, other).await;
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    let huge = v1::OutputChunk {
        data: vec![0; 2 << 20].into(),
        lost_bytes: 0,
    };
    let error = send_as_calls(&master, huge).await;
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    assert!(error.message().contains("too large"), "{error}");
    // And the master is as before.
    TestScheduler::connect(&master).await.subscribe(None).await;
}

#[tokio::test]
async fn a_scheduler_that_does_not_read_is_cut_and_the_others_live() {
    let master = TestMaster::start().await;
    let mut other = TestScheduler::connect(&master).await;
    other.subscribe(None).await;
    let mut slow = TestScheduler::connect(&master).await;
    slow.subscribe(None).await;
    // Each call is answered by a thousand updates, which the slow one leaves where they are.
    let tasks: Vec<TaskId> = (0..1_000)
        .map(|number| format!("task-{number}").parse().unwrap())
        .collect();
    let asking = async {
        for call_id in 2.. {
            let reconcile = Call::Reconcile {
                tasks: tasks.clone(),
            };
            let (batches, _) = scheduler::encode_calls([NumberedCall {
                call_id,
                call: reconcile,
            }]);
            for batch in batches {
                if slow.calls.send(batch).await.is_err() {
                    return;
                }
            }
        }
    };
    let cut = wait_for("the cut", async || {
        let (_, metrics) = master.get("/metrics").await;
        metrics
            .contains("stoker_master_streams_cut_total 1")
            .then_some(())
    });
    tokio::select! {
        () = cut => {}
        () = asking => {}
    }
    let reconcile = Call::Reconcile {
        tasks: vec!["a".parse().unwrap()],
    };
    other.call(2, reconcile).await;
    assert!(matches!(other.event().await, Ok(Event::Update(_))));
    // When it reads at last, it finds what was on the wire, and then why there is no more.
    let error = loop {
        match slow.event().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
}

#[tokio::test]
async fn a_peer_too_many_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let master = TestMaster::start_in(folder, |config| config.max_peers = 1).await;
    let mut first = TestScheduler::connect(&master).await;
    first.subscribe(None).await;
    let mut second = TestAgent::connect(&master).await;
    let error = second.event().await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    // The place of one that left is free.
    drop(first);
    wait_for("a free place", async || {
        let mut scheduler = TestScheduler::connect(&master).await;
        scheduler.call(1, Call::Teardown).await;
        let event = scheduler.event().await;
        event.is_ok().then_some(())
    })
    .await;
}
