//! Frames and descriptors through a real pair of sockets.

use std::{
    fs::File,
    io::{IoSliceMut, Read as _, Seek as _, Write as _},
    os::unix::net::UnixStream as StdStream,
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use stoker_types::{
    Digest, IdGenerator, RunnerId, TaskKey,
    runner::{CompiledKey, Event, NumberedEvent, PROTOCOL_VERSION},
};

use super::*;

fn pair() -> (UnixStream, StdStream) {
    let (near, far) = StdStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (UnixStream::from_std(near).unwrap(), far)
}

fn task(name: &str) -> TaskKey {
    TaskKey {
        framework_id: IdGenerator::from_seed(1).framework_id(),
        task_id: name.parse().unwrap(),
    }
}

fn key(content: &[u8]) -> CompiledKey {
    CompiledKey {
        wasm: Digest::of(content),
        traps_unknown_imports: false,
    }
}

/// Reads all orders until the other side closes, as a runner does: descriptors queue up, and each
/// module takes the next one.
fn receive(socket: &StdStream) -> Vec<(Order, Option<String>)> {
    let mut descriptors = std::collections::VecDeque::new();
    let mut buffer = BytesMut::new();
    let mut received = Vec::new();
    loop {
        let mut bytes = [0; 1000];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message = recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
        .unwrap();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if message.bytes == 0 {
            return received;
        }
        buffer.extend_from_slice(&bytes[..message.bytes]);
        while let Some(message) = frame::take::<v1::DaemonFrame>(&mut buffer).unwrap() {
            let DaemonFrame::Orders(orders) = message.try_into().unwrap() else {
                continue;
            };
            for order in orders {
                let content = matches!(order, Order::Module { .. }).then(|| {
                    let mut text = String::new();
                    let mut file = File::from(descriptors.pop_front().unwrap());
                    file.rewind().unwrap();
                    file.read_to_string(&mut text).unwrap();
                    text
                });
                received.push((order, content));
            }
        }
    }
}

fn module(content: &str) -> Outgoing {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    Outgoing {
        order: Order::Module {
            key: key(content.as_bytes()),
        },
        descriptor: Some(file.into()),
    }
}

#[tokio::test]
async fn orders_and_their_descriptors_arrive_in_order() {
    let (near, far) = pair();
    let reader = std::thread::spawn(move || receive(&far));
    // Far more than a socket holds, so that sending is cut into pieces.
    let kills = || {
        (0..20_000).map(|number| Order::Kill {
            task: task(&format!("task-{number}")),
            grace: std::time::Duration::ZERO,
        })
    };
    let mut outgoing: Vec<Outgoing> = kills().map(Into::into).collect();
    outgoing.insert(0, module("first"));
    outgoing.push(module("second"));
    outgoing.push(module("third"));
    outgoing.push(Order::Shutdown.into());
    send_orders(&near, outgoing).await.unwrap();
    drop(near);

    let received = reader.join().unwrap();
    assert_eq!(received.len(), 20_004);
    assert_eq!(received[0].1.as_deref(), Some("first"));
    let orders = received[1..20_001].iter().map(|(order, _)| order.clone());
    assert!(orders.eq(kills()));
    assert_eq!(received[20_001].1.as_deref(), Some("second"));
    assert_eq!(
        received[20_002],
        (
            Order::Module { key: key(b"third") },
            Some("third".to_owned())
        )
    );
    assert_eq!(received[20_003].0, Order::Shutdown);
}

#[tokio::test]
async fn a_hello_is_the_first_frame() {
    let (near, mut far) = pair();
    let hello = Hello {
        runner_id: RunnerId::from_bits(3),
        nonce: 5,
        protocol_version: PROTOCOL_VERSION,
        confirmed_event: 7,
    };
    send_hello(&near, hello.clone()).await.unwrap();
    drop(near);
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).unwrap();
    let message = frame::take::<v1::DaemonFrame>(&mut BytesMut::from(&bytes[..]))
        .unwrap()
        .unwrap();
    assert_eq!(
        DaemonFrame::try_from(message).unwrap(),
        DaemonFrame::Hello(hello)
    );
}

#[tokio::test]
async fn events_are_read_until_the_runner_closes() {
    let (near, mut far) = pair();
    let event = |number| NumberedEvent {
        number,
        event: Event::Started { task: task("a") },
    };
    let mut bytes = BytesMut::new();
    for number in 1..=2 {
        frame::write(
            &v1::RunnerFrame::from(RunnerFrame::Events(vec![event(number)])),
            &mut bytes,
        )
        .unwrap();
    }
    far.write_all(&bytes).unwrap();
    drop(far);
    let mut reader = FrameReader::default();
    for number in 1..=2 {
        let frame = reader.next(&near).await.unwrap();
        assert_eq!(frame, Some(RunnerFrame::Events(vec![event(number)])));
    }
    assert_eq!(reader.next(&near).await.unwrap(), None);
}

#[tokio::test]
async fn nonsense_and_half_a_frame_are_errors() {
    let (near, mut far) = pair();
    far.write_all(&u32::MAX.to_le_bytes()).unwrap();
    let error = FrameReader::default().next(&near).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Frame(_)), "{error}");

    let (near, mut far) = pair();
    far.write_all(&[9, 0, 0, 0, 1]).unwrap();
    drop(far);
    let error = FrameReader::default().next(&near).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Io(_)), "{error}");
}

#[tokio::test]
async fn sending_to_a_runner_that_is_gone_is_an_error_and_no_signal() {
    let (near, far) = pair();
    drop(far);
    let error = send_orders(&near, vec![Order::Shutdown.into()])
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectionError::Io(_)), "{error}");
}
