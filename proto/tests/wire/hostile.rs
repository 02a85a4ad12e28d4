//! Whatever arrives, nothing panics; and what is taken from it is valid, for it round-trips.

use std::fmt::Debug;

use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message;
use stoker_proto::{
    convert::{
        Artifact, KillTask, ListFiles, PutHeader, ReadFile, ReadOutput, agent,
        runner::{DaemonFrame, RunnerFrame},
        scheduler,
    },
    v1,
};
use stoker_types::{
    FileEntry, FrameworkId,
    agent::{AgentCall, AgentEvent},
    scheduler::{Event, NumberedCall},
};

use crate::strategies;

/// What a stranger does to the bytes of a message.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), 1..=u8::MAX).prop_map(|(place, mask)| Damage::Flip(place, mask)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), vec(any::<u8>(), 1..8))
            .prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

fn apply(damages: Vec<Damage>, mut bytes: Vec<u8>) -> Vec<u8> {
    for damage in damages {
        // Index needs something to point into.
        bytes.push(0);
        let length = bytes.len();
        match damage {
            Damage::Flip(place, mask) => bytes[place.index(length)] ^= mask,
            Damage::Cut(place) => bytes.truncate(place.index(length)),
            Damage::Insert(place, inserted) => {
                let place = place.index(length);
                bytes.splice(place..place, inserted);
            }
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
    bytes
}

/// Reads bytes as a message and converts it; what is taken must survive the way back.
fn take<D, W>(bytes: &[u8]) -> Result<(), TestCaseError>
where
    D: Clone + Debug + PartialEq + TryFrom<W, Error: Debug>,
    W: From<D> + Message + Default,
{
    if let Ok(message) = W::decode(bytes)
        && let Ok(value) = D::try_from(message)
    {
        prop_assert_eq!(D::try_from(W::from(value.clone())).unwrap(), value);
    }
    Ok(())
}

/// Takes bytes as everything that a peer may send.
fn take_as_everything(bytes: &[u8]) -> Result<(), TestCaseError> {
    take::<NumberedCall, v1::SchedulerCall>(bytes)?;
    take::<Event, v1::SchedulerEvent>(bytes)?;
    take::<AgentCall, v1::AgentCall>(bytes)?;
    take::<AgentEvent, v1::AgentEvent>(bytes)?;
    take::<DaemonFrame, v1::DaemonFrame>(bytes)?;
    take::<RunnerFrame, v1::RunnerFrame>(bytes)?;
    take::<Artifact, v1::Artifact>(bytes)?;
    take::<PutHeader, v1::put_request::Header>(bytes)?;
    take::<ReadOutput, v1::ReadOutputRequest>(bytes)?;
    take::<ListFiles, v1::ListFilesRequest>(bytes)?;
    take::<ReadFile, v1::ReadFileRequest>(bytes)?;
    take::<FileEntry, v1::FileEntry>(bytes)?;
    take::<KillTask, v1::KillTaskRequest>(bytes)?;
    take::<FrameworkId, v1::TeardownFrameworkRequest>(bytes)?;
    if let Ok(batch) = v1::SchedulerCalls::decode(bytes) {
        drop(scheduler::decode_calls(batch));
    }
    if let Ok(batch) = v1::SchedulerEvents::decode(bytes) {
        drop(scheduler::decode_events(batch));
    }
    if let Ok(batch) = v1::AgentCalls::decode(bytes) {
        drop(agent::decode_calls(batch));
    }
    if let Ok(batch) = v1::AgentEvents::decode(bytes) {
        drop(agent::decode_events(batch));
    }
    Ok(())
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        take_as_everything(&bytes)?;
    }

    #[test]
    fn damaged_calls_never_panic(
        call in strategies::numbered_call(),
        damages in vec(damage(), 0..4),
    ) {
        take_as_everything(&apply(damages, v1::SchedulerCall::from(call).encode_to_vec()))?;
    }

    #[test]
    fn damaged_events_never_panic(event in strategies::event(), damages in vec(damage(), 0..4)) {
        take_as_everything(&apply(damages, v1::SchedulerEvent::from(event).encode_to_vec()))?;
    }

    #[test]
    fn damaged_agent_calls_never_panic(
        call in strategies::agent_call(),
        damages in vec(damage(), 0..4),
    ) {
        take_as_everything(&apply(damages, v1::AgentCall::from(call).encode_to_vec()))?;
    }

    #[test]
    fn damaged_agent_events_never_panic(
        event in strategies::agent_event(),
        damages in vec(damage(), 0..4),
    ) {
        take_as_everything(&apply(damages, v1::AgentEvent::from(event).encode_to_vec()))?;
    }

    #[test]
    fn damaged_frames_never_panic(
        order in strategies::daemon_frame(),
        event in strategies::runner_frame(),
        damages in vec(damage(), 0..4),
    ) {
        let order = v1::DaemonFrame::from(order).encode_to_vec();
        take_as_everything(&apply(damages.clone(), order))?;
        let event = v1::RunnerFrame::from(event).encode_to_vec();
        take_as_everything(&apply(damages, event))?;
    }
}
