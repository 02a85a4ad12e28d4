//! What goes over the wire comes out as it went in, message by message and batch by batch.

use std::fmt::Debug;

use proptest::{collection::vec, prelude::*, strategy::ValueTree as _};
use prost::Message;
use stoker_proto::{
    convert::{
        Artifact, KillTask, ListFiles, PutHeader, ReadFile, ReadOutput, agent,
        runner::{self, DaemonFrame, RunnerFrame},
        scheduler,
    },
    v1,
};
use stoker_types::{
    FileEntry, FrameworkId, FrameworkInfo, MasterInfo, Offer, Resources, StatusUpdate, TaskInfo,
    TaskKey, Usage,
    agent::{AgentCall, AgentEvent, AgentInfo, Launch, RunnerInfo, TaskSnapshot, TransferRequest},
    limit,
    runner::{CompiledKey, NumberedEvent, Order, RunnerLaunch, Tenant},
    scheduler::{Event, NumberedCall, Operation},
};

use crate::strategies;

/// Encodes a message and decodes it again.
fn over_the_wire<W: Message + Default>(message: &W) -> W {
    W::decode(message.encode_to_vec().as_slice()).unwrap()
}

fn check<D, W>(value: D) -> Result<(), TestCaseError>
where
    D: Clone + Debug + PartialEq + TryFrom<W, Error: Debug>,
    W: From<D> + Message + Default,
{
    let received = over_the_wire(&W::from(value.clone()));
    prop_assert_eq!(D::try_from(received).unwrap(), value);
    Ok(())
}

macro_rules! round_trips {
    ($($name:ident: $domain:ty = $wire:ty;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(96))]
            $(
                #[test]
                fn $name(value in strategies::$name()) {
                    check::<$domain, $wire>(value)?;
                }
            )+
        }
    };
}

round_trips! {
    resources: Resources = v1::Resources;
    task_key: TaskKey = v1::TaskKey;
    task_info: TaskInfo = v1::TaskInfo;
    usage: Usage = v1::Usage;
    status_update: StatusUpdate = v1::StatusUpdate;
    framework_info: FrameworkInfo = v1::FrameworkInfo;
    agent_info: AgentInfo = v1::AgentInfo;
    master_info: MasterInfo = v1::MasterInfo;
    tenant: Tenant = v1::Tenant;
    offer: Offer = v1::Offer;
    operation: Operation = v1::Operation;
    numbered_call: NumberedCall = v1::SchedulerCall;
    event: Event = v1::SchedulerEvent;
    launch: Launch = v1::Launch;
    task_snapshot: TaskSnapshot = v1::TaskSnapshot;
    runner_info: RunnerInfo = v1::RunnerInfo;
    agent_call: AgentCall = v1::AgentCall;
    agent_event: AgentEvent = v1::AgentEvent;
    transfer_request: TransferRequest = v1::TransferRequest;
    read_output: ReadOutput = v1::ReadOutputRequest;
    list_files: ListFiles = v1::ListFilesRequest;
    read_file: ReadFile = v1::ReadFileRequest;
    file_entry: FileEntry = v1::FileEntry;
    compiled_key: CompiledKey = v1::CompiledKey;
    runner_launch: RunnerLaunch = v1::runner_order::Launch;
    order: Order = v1::RunnerOrder;
    numbered_event: NumberedEvent = v1::RunnerEvent;
    daemon_frame: DaemonFrame = v1::DaemonFrame;
    runner_frame: RunnerFrame = v1::RunnerFrame;
    artifact: Artifact = v1::Artifact;
    put_header: PutHeader = v1::put_request::Header;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_an_operator_ends(kill in strategies::kill_task(), id in strategies::framework_id()) {
        check::<KillTask, v1::KillTaskRequest>(kill)?;
        check::<FrameworkId, v1::TeardownFrameworkRequest>(id)?;
    }

    #[test]
    fn batches_of_a_scheduler(
        calls in vec(strategies::numbered_call(), 0..20),
        events in vec(strategies::event(), 0..20),
        epoch in strategies::epoch(),
    ) {
        let (batches, refused) = scheduler::encode_calls(calls.clone());
        prop_assert_eq!(refused, []);
        let received = batches
            .iter()
            .flat_map(|batch| scheduler::decode_calls(over_the_wire(batch)).unwrap())
            .collect::<Result<Vec<_>, _>>();
        prop_assert_eq!(received.unwrap(), calls);

        let batches = scheduler::encode_events(epoch, events.clone());
        let mut received = Vec::new();
        for batch in &batches {
            let (batch_epoch, events) = scheduler::decode_events(over_the_wire(batch)).unwrap();
            prop_assert_eq!(batch_epoch, epoch);
            received.extend(events);
        }
        // An event that offers nothing tells nothing.
        let told: Vec<Event> =
            events.into_iter().filter(|event| *event != Event::Offers(Vec::new())).collect();
        prop_assert_eq!(received, told);
    }

    #[test]
    fn batches_of_an_agent(
        calls in vec(strategies::agent_call(), 0..20),
        events in vec(strategies::agent_event(), 0..20),
        epoch in strategies::epoch(),
    ) {
        let received: Vec<AgentCall> = agent::encode_calls(calls.clone())
            .iter()
            .flat_map(|batch| agent::decode_calls(over_the_wire(batch)).unwrap())
            .collect();
        prop_assert_eq!(received, calls);

        let received: Vec<AgentEvent> = agent::encode_events(epoch, events.clone())
            .iter()
            .flat_map(|batch| agent::decode_events(over_the_wire(batch)).unwrap().1)
            .collect();
        prop_assert_eq!(received, events);
    }

    #[test]
    fn frames_of_a_runner(
        orders in vec(strategies::order(), 0..20),
        events in vec(strategies::numbered_event(), 0..20),
    ) {
        let mut received = Vec::new();
        for frame in runner::encode_orders(orders.clone()) {
            let DaemonFrame::Orders(orders) = over_the_wire(&frame).try_into().unwrap() else {
                panic!("orders became a hello");
            };
            let maps_a_module = orders.iter().any(|order| matches!(order, Order::Module { .. }));
            prop_assert!(!maps_a_module || orders.len() == 1);
            received.extend(orders);
        }
        prop_assert_eq!(received, orders);

        let mut received = Vec::new();
        for frame in runner::encode_events(events.clone()) {
            let RunnerFrame::Events(events) = over_the_wire(&frame).try_into().unwrap() else {
                panic!("events became something else");
            };
            received.extend(events);
        }
        prop_assert_eq!(received, events);
    }
}

/// A value of a strategy, always the same.
fn sample<T: Debug>(strategy: impl Strategy<Value = T>) -> T {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    strategy.new_tree(&mut runner).unwrap().current()
}

#[test]
fn a_large_snapshot_travels_in_batches_within_their_bounds_and_ends_once() {
    let mut snapshot = sample(strategies::task_snapshot());
    snapshot.launch.task.arguments = vec!["x".repeat(3000)];
    let tasks = vec![snapshot; 2500];
    let batches = agent::encode_calls([AgentCall::Snapshot {
        tasks: tasks.clone(),
        last: true,
    }]);
    assert!(batches.len() > 5);
    let mut received = Vec::new();
    let mut lasts = Vec::new();
    for batch in &batches {
        assert!(batch.encoded_len() <= limit::GRPC_MESSAGE_BYTES);
        for call in agent::decode_calls(over_the_wire(batch)).unwrap() {
            let AgentCall::Snapshot { tasks, last } = call else {
                panic!("a snapshot became {call:?}");
            };
            received.extend(tasks);
            lasts.push(last);
        }
    }
    assert!(received == tasks);
    assert!(lasts.pop().unwrap() && !lasts.contains(&true));
}

#[test]
fn a_snapshot_of_nothing_is_still_told() {
    let call = AgentCall::Snapshot {
        tasks: Vec::new(),
        last: true,
    };
    let batches = agent::encode_calls([call.clone()]);
    assert_eq!(batches.len(), 1);
    assert_eq!(agent::decode_calls(batches[0].clone()).unwrap(), [call]);
}

#[test]
fn many_offers_travel_in_batches_within_their_bounds() {
    let mut offer = sample(strategies::offer());
    offer.hostname = "h".repeat(256);
    let offers = vec![offer; 9000];
    let batches =
        scheduler::encode_events(sample(strategies::epoch()), [Event::Offers(offers.clone())]);
    let mut received = Vec::new();
    for batch in batches {
        assert!(batch.encoded_len() <= limit::GRPC_MESSAGE_BYTES);
        for event in scheduler::decode_events(batch).unwrap().1 {
            let Event::Offers(offers) = event else {
                panic!("offers became {event:?}");
            };
            received.extend(offers);
        }
    }
    assert!(received == offers);
}

#[test]
fn a_call_that_no_batch_can_carry_is_refused_where_it_is_made() {
    let mut task = sample(strategies::task_info());
    task.arguments = vec!["x".repeat(30 * 1024)];
    let call = |call_id, tasks| NumberedCall {
        call_id,
        call: stoker_types::scheduler::Call::Accept {
            offer_ids: Vec::new(),
            operations: vec![Operation::Launch {
                tasks: vec![task.clone(); tasks],
            }],
            filter: stoker_types::OfferFilter::default(),
        },
    };
    let (batches, refused) = scheduler::encode_calls([call(1, 20), call(2, 40), call(3, 20)]);
    assert_eq!(
        batches.iter().map(|batch| batch.calls.len()).sum::<usize>(),
        2
    );
    assert_eq!(refused.len(), 1);
    assert_eq!(
        refused[0].to_string(),
        "call 2: the call is larger than 1048576 bytes; launch fewer tasks in one accept, or pass \
         their input as blobs"
    );
}

#[test]
fn an_update_carries_small_outputs_itself_as_far_as_there_is_room() {
    let mut update = sample(strategies::status_update());
    let output = stoker_types::OutputFile {
        path: "part".into(),
        form: stoker_types::BlobForm::File,
        digest: stoker_types::Digest::of(b""),
        size: 4096,
        content: Some(vec![7; 4096]),
    };
    update.outputs = vec![output; 20];
    let received = StatusUpdate::try_from(v1::StatusUpdate::from(update)).unwrap();
    let inline: Vec<bool> = received
        .outputs
        .iter()
        .map(|output| output.content.is_some())
        .collect();
    assert_eq!(inline, [[true; 16].as_slice(), &[false; 4]].concat());
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let mut update = sample(strategies::status_update());
    update.message = format!("x{}", "€".repeat(2000));
    let mut wire = v1::StatusUpdate::from(update.clone());
    assert_eq!(wire.message.len(), 4096);
    wire.message = update.message;
    assert_eq!(StatusUpdate::try_from(wire).unwrap().message.len(), 4096);
}
