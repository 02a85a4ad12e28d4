//! The driver on real sockets, against a master that the test speaks for.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use stoker_proto::v1::SchedulerEvents;
use stoker_sdk_scheduler::{
    Calls, Driver, DriverBuilder, DriverError, Epoch, Handle, Progress, SchedulerEnded, TaskState,
};
use stoker_types::scheduler::{Call, Event};
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::Status;

use crate::{
    bench::{self, Action, FRAMEWORK, Heard, Reaction, Recorder, acknowledge, launched, task},
    master::Master,
};

const EPOCH: Epoch = Epoch::new(3);

type Running = JoinHandle<Result<Recorder, DriverError>>;

fn builder(reaction: Option<Reaction>) -> DriverBuilder<Recorder> {
    let recorder = Recorder {
        reaction,
        ..Recorder::default()
    };
    Driver::builder(recorder)
        .framework(bench::framework())
        .seed(1)
}

/// Spawning it shows that the future may move between threads.
fn run(builder: DriverBuilder<Recorder>) -> (Handle<Action>, Running) {
    let driver = builder.build().unwrap();
    (driver.handle(), tokio::spawn(driver.run()))
}

/// An address where no one listens.
fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn action(action: impl FnOnce(&mut Calls) + Send + 'static) -> Action {
    Box::new(action)
}

#[tokio::test]
async fn a_task_goes_from_its_offer_to_its_last_acknowledgement() {
    let mut master = Master::start().await;
    let reaction: Reaction = Box::new(|heard, calls| match heard {
        Heard::Offers(ids) => {
            calls.accept([ids[0]], [task("a")]);
            calls.decline_rest();
        }
        Heard::Update(_, TaskState::Finished, _) => calls.stop(),
        _ => {}
    });
    let (handle, running) = run(builder(Some(reaction)).master(master.url()));
    let (mut stream, subscribe) = master.register(EPOCH).await;
    let Call::Subscribe {
        framework,
        framework_id: None,
        ..
    } = subscribe
    else {
        panic!("{subscribe:?}");
    };
    assert_eq!(framework, bench::framework());

    let offers = [1, 2].map(|n| bench::offer(EPOCH, n, 1, "cpus=1;mem=1GiB"));
    stream.say(EPOCH, Event::Offers(offers.to_vec())).await;
    let task_id = launched(&[stream.call().await.call]).remove(0);
    assert!(matches!(stream.call().await.call, Call::Decline { .. }));
    for (number, state) in [(1, TaskState::Running), (2, TaskState::Finished)] {
        stream
            .say(EPOCH, Event::Update(bench::update(&task_id, number, state)))
            .await;
        assert_eq!(stream.call().await.call, acknowledge(&task_id, number));
    }
    stream.end().await;
    drop(stream);

    let recorder = running.await.unwrap().unwrap();
    let last = Heard::Update(task_id, TaskState::Finished, None);
    assert_eq!(recorder.heard.last(), Some(&last));
    assert_eq!(
        handle.send(action(Calls::revive)).await,
        Err(SchedulerEnded)
    );
    assert_eq!(handle.stop().await, Err(SchedulerEnded));
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_under_the_same_id() {
    let mut master = Master::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let listening = builder(None)
        .master(master.url())
        .on_progress(move |progress| sink.lock().unwrap().push(progress));
    let (handle, running) = run(listening);
    let (stream, _) = master.register(EPOCH).await;
    drop(stream);
    let (stream, subscribe) = master.register(EPOCH).await;
    assert!(matches!(
        subscribe,
        Call::Subscribe {
            framework_id: Some(FRAMEWORK),
            ..
        }
    ));
    // Nonsense breaks a stream too.
    let unfinished = stoker_proto::v1::SchedulerEvent { event: None };
    let nonsense = SchedulerEvents {
        epoch: 3,
        events: vec![unfinished],
    };
    stream.say_raw(Ok(nonsense)).await;
    let (stream, _) = master.register(EPOCH).await;
    stream
        .say_raw(Err(Status::resource_exhausted("too slow")))
        .await;
    let (mut stream, _) = master.register(EPOCH).await;
    handle.send(action(Calls::suppress)).await.unwrap();
    assert!(matches!(stream.call().await.call, Call::Suppress { .. }));
    handle.stop().await.unwrap();
    stream.end().await;
    drop(stream);

    let recorder = running.await.unwrap().unwrap();
    let losses: Vec<&str> = recorder
        .heard
        .iter()
        .filter_map(|heard| match heard {
            Heard::Disconnected(message) => Some(message.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(losses[0], "the master closed the connection");
    assert!(
        losses[1].starts_with("the master sent nonsense: events[0]"),
        "{losses:?}"
    );
    assert_eq!(losses[2], "too slow");

    let seen = seen.lock().unwrap();
    let url = master.url();
    assert_eq!(
        seen[0],
        Progress::Dialling {
            master: url.clone()
        }
    );
    let subscribed = Progress::Subscribed {
        master: url,
        framework_id: FRAMEWORK,
    };
    assert_eq!(seen[1], subscribed);
    assert!(matches!(&seen[2], Progress::Lost { .. }));
    assert_eq!(
        seen.iter()
            .filter(|progress| **progress == subscribed)
            .count(),
        4
    );
}

#[tokio::test]
async fn a_refusal_is_final() {
    let master = Master::start().await;
    master.refuse(Status::invalid_argument("framework.name: it is empty"));
    let (_, running) = run(builder(None).master(master.url()));
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the master refused this framework: framework.name: it is empty"
    );
}

#[tokio::test]
async fn a_framework_that_was_fenced_is_told_so() {
    let mut master = Master::start().await;
    let (_, running) = run(builder(None).master(master.url()));
    let (stream, _) = master.register(EPOCH).await;
    let message = "another scheduler came with this id".to_owned();
    stream
        .say(
            EPOCH,
            Event::Error {
                message: message.clone(),
                retry: false,
            },
        )
        .await;
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error, DriverError::Ended { message });
}

#[tokio::test]
async fn without_a_master_it_gives_up_and_says_what_to_do() {
    let address = dead_address();
    let (_, running) = run(builder(None).master(&address).wait(Duration::from_secs(1)));
    let error = running.await.unwrap().unwrap_err().to_string();
    let start = format!("no master at {address} within 1s: Connection refused");
    assert!(error.starts_with(&start), "{error}");
    assert!(
        error.contains("stoker dev") && error.contains("STOKER_MASTER"),
        "{error}"
    );
}

#[tokio::test]
async fn a_master_that_is_busy_is_asked_again() {
    let master = Master::start().await;
    master.refuse(Status::unavailable("recovering"));
    let (_, running) = run(builder(None)
        .master(master.url())
        .wait(Duration::from_secs(1)));
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(&error, DriverError::NoMaster { message, .. } if message == "recovering"));
}

#[tokio::test]
async fn several_masters_are_tried_in_turn() {
    let mut master = Master::start().await;
    let masters = format!("{},{}", dead_address(), dead_address());
    let (handle, running) = run(builder(None).master(masters).master(master.url()));
    let (stream, _) = master.register(EPOCH).await;
    handle.stop().await.unwrap();
    drop(stream);
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_flood_of_calls_arrives_in_order_and_in_full_batches() {
    const CALLS: usize = 25_000;
    let mut master = Master::start().await;
    let (told, mut progress) = mpsc::unbounded_channel();
    let listening = builder(None)
        .master(master.url())
        .on_progress(move |progress| drop(told.send(progress)));
    let (handle, running) = run(listening);
    let (mut stream, _) = master.register(EPOCH).await;
    // What is called before it is registered would be said in short.
    while !matches!(progress.recv().await, Some(Progress::Subscribed { .. })) {}
    let from_a_thread = handle.clone();
    let thread = thread::spawn(move || {
        from_a_thread.blocking_send(action(|calls| (0..CALLS).for_each(|_| calls.revive())))
    });
    // While the outbox is full, commands and events wait, and are not lost.
    handle.send(action(Calls::suppress)).await.unwrap();
    stream.say(EPOCH, Event::Heartbeat).await;
    let mut verbs = BTreeMap::new();
    // The first call was the subscription.
    for call_id in 2..=CALLS as u64 + 2 {
        let call = stream.call().await;
        assert_eq!(call.call_id, call_id);
        *verbs.entry(call.call.verb()).or_insert(0) += 1;
    }
    assert_eq!(verbs, BTreeMap::from([("revive", CALLS), ("suppress", 1)]));
    assert!(
        stream.batches.iter().all(|count| *count <= 1000),
        "{:?}",
        stream.batches
    );
    assert!(stream.batches.len() < 40, "{:?}", stream.batches);
    thread.join().unwrap().unwrap();
    handle.stop().await.unwrap();
    stream.end().await;
    drop(stream);
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_master_that_does_not_say_farewell_is_not_waited_for_long() {
    let mut master = Master::start().await;
    let (handle, running) = run(builder(None).master(master.url()));
    let (stream, _) = master.register(EPOCH).await;
    handle.stop().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    assert!(ended.expect("an end").unwrap().is_ok());
    drop(stream);
}

#[test]
fn an_address_that_is_none_is_refused_before_anything_runs() {
    let error = builder(None).master("ftp://master").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"ftp://master\" is no address of a master: write http://HOST:PORT"
    );
}
