//! The life of a stream: opened, used, and ended by each side for itself.

use super::{ConnectionNumber, Message, Peer, Pipe, Side, Sides, Stream};
use crate::{events::Event, moment::Moment, planted::Planted, random::Span, scene::Scene};

/// How long a side goes on before it notices that the other is gone, when nothing tells it: mostly
/// its own keep-alive, at the latest that of TCP.
const UNNOTICED: Span = Span::millis(50, 60_000);
/// The same where the other side's machine still says that nobody listens.
const RESET: Span = Span::millis(1, 500);
/// How much later what was on its way arrives when a stream has broken.
const STRAGGLING: Span = Span::millis(1, 10_000);

/// What has arrived at one side of a stream.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) peer: Peer,
    pub(crate) messages: Vec<Message>,
    /// Whether this side has heard the end of the stream now.
    pub(crate) has_ended: bool,
}

/// Opens a stream between a peer and the master.
pub(crate) fn open(scene: &mut Scene, peer: Peer) -> ConnectionNumber {
    if scene.plan.planted != Some(Planted::LateFirstWord) {
        hush_older(scene, peer);
    }
    let network = &mut scene.network;
    network.latest += 1;
    let stream = Stream {
        peer,
        up: Pipe::default(),
        down: Pipe::default(),
        is_open: Sides {
            client: true,
            server: true,
        },
        has_spoken: false,
    };
    network.streams.insert(network.latest, stream);
    network.latest
}

/// The older streams of a peer on which nothing has arrived yet never say anything: their first
/// word would be taken for a later one than that of the stream that opens now. What else they may
/// say late is still to come.
fn hush_older(scene: &mut Scene, peer: Peer) {
    let older = scene.network.streams.values_mut();
    for stream in older.filter(|stream| stream.peer == peer && !stream.has_spoken) {
        stream.up.clear();
        stream.up.close();
    }
}

/// Sends something to the other side, if this one is still open.
pub(crate) fn send(scene: &mut Scene, number: ConnectionNumber, to: Side, message: Message) {
    let at = travel(scene);
    let planted = scene.plan.planted == Some(Planted::LoseMessage) && scene.is_unlucky(2);
    let Some(stream) = scene.network.streams.get_mut(&number) else {
        return;
    };
    if !stream.is_open.get(to.other()) {
        return;
    }
    stream.to(to).push(at, message);
    if planted {
        stream.to(to).lose_last();
    }
    arm(scene, number, to);
}

/// When something that is sent now arrives, if nothing before it is slower.
fn travel(scene: &mut Scene) -> Moment {
    let times = scene.plan.times;
    let is_clogged = times.clog_percent > 0 && scene.random.percent(times.clog_percent);
    let span = if is_clogged {
        times.clog
    } else {
        times.message
    };
    let pause = scene.random.pause(span);
    scene.now.after(pause)
}

/// Has the queue hold an event for the first item that arrives at this side.
pub(super) fn arm(scene: &mut Scene, number: ConnectionNumber, at: Side) {
    if let Some(stream) = scene.network.streams.get_mut(&number)
        && let Some(moment) = stream.to(at).arm()
    {
        let moment = moment.max(scene.now);
        scene.at(moment, Event::Arrival { number, at });
    }
}

/// Takes what has arrived at this side. Nothing, while the link is cut.
pub(crate) fn arrival(scene: &mut Scene, number: ConnectionNumber, at: Side) -> Option<Arrived> {
    let now = scene.now;
    let stream = scene.network.streams.get_mut(&number)?;
    let peer = stream.peer;
    stream.to(at).disarm();
    if scene.network.is_cut(peer, at) {
        return None;
    }
    let stream = scene.network.streams.get_mut(&number)?;
    let (messages, is_last) = stream.to(at).take(now);
    stream.has_spoken |= at == Side::Server && !messages.is_empty();
    let was_open = stream.is_open.get(at);
    if is_last && was_open {
        stream.is_open.close(at);
    }
    arm(scene, number, at);
    forget_if_over(scene, number);
    was_open.then_some(Arrived {
        peer,
        messages,
        has_ended: is_last,
    })
}

/// A client drops a stream: its last words may be lost with it.
pub(crate) fn close(scene: &mut Scene, number: ConnectionNumber) {
    if scene.random.percent(30)
        && let Some(stream) = scene.network.streams.get_mut(&number)
        && stream.is_open.client
    {
        stream.up.lose_tail(&mut scene.random);
    }
    finish(scene, number, Side::Client);
}

/// A side ends a stream behind all that it said.
pub(crate) fn finish(scene: &mut Scene, number: ConnectionNumber, side: Side) {
    let at = travel(scene);
    let Some(stream) = scene.network.streams.get_mut(&number) else {
        return;
    };
    if !stream.is_open.close(side) {
        return;
    }
    stream.to(side.other()).end(at);
    arm(scene, number, side.other());
    // Should the end get lost with the link, the other side notices all the same.
    notice_by_itself(scene, number, side.other(), UNNOTICED);
}

/// A stream breaks: some of what is on its way is lost, and each side notices at its own time.
pub(crate) fn break_stream(scene: &mut Scene, number: ConnectionNumber) {
    let Some(stream) = scene.network.streams.get_mut(&number) else {
        return;
    };
    for pipe in [&mut stream.up, &mut stream.down] {
        pipe.lose_tail(&mut scene.random);
        pipe.close();
        if scene.random.percent(50) {
            pipe.delay(scene.random.pause(STRAGGLING));
        }
    }
    for side in [Side::Client, Side::Server] {
        let span = if scene.random.percent(60) {
            RESET
        } else {
            UNNOTICED
        };
        notice_by_itself(scene, number, side, span);
    }
}

/// A client's process is gone. Where its `machine_died`, nobody tells the master.
pub(crate) fn client_died(scene: &mut Scene, peer: Peer, machine_died: bool) {
    for number in scene.network.streams_of(peer) {
        side_died(scene, number, Side::Client, machine_died);
    }
}

/// The master's process is gone.
pub(crate) fn server_died(scene: &mut Scene, machine_died: bool) {
    let numbers: Vec<ConnectionNumber> = scene.network.streams.keys().copied().collect();
    for number in numbers {
        side_died(scene, number, Side::Server, machine_died);
    }
}

fn side_died(scene: &mut Scene, number: ConnectionNumber, side: Side, machine_died: bool) {
    let at = travel(scene);
    let Some(stream) = scene.network.streams.get_mut(&number) else {
        return;
    };
    if !stream.is_open.close(side) {
        return;
    }
    let pipe = stream.to(side.other());
    pipe.lose_tail(&mut scene.random);
    if machine_died {
        pipe.close();
    } else {
        pipe.end(at);
    }
    arm(scene, number, side.other());
    notice_by_itself(scene, number, side.other(), UNNOTICED);
}

fn notice_by_itself(scene: &mut Scene, number: ConnectionNumber, side: Side, span: Span) {
    let event = Event::GiveUp {
        number,
        side,
        generation: None,
    };
    scene.sometime(span, event);
}

/// A side gives a stream up, unless it is closed there: says whose it was.
pub(crate) fn give_up(scene: &mut Scene, number: ConnectionNumber, side: Side) -> Option<Peer> {
    let stream = scene.network.streams.get_mut(&number)?;
    let peer = stream.peer;
    if !stream.is_open.close(side) {
        return None;
    }
    stream.to(side).clear();
    stream.to(side.other()).lose_tail(&mut scene.random);
    stream.to(side.other()).close();
    if stream.is_open.get(side.other()) {
        notice_by_itself(scene, number, side.other(), UNNOTICED);
    }
    forget_if_over(scene, number);
    Some(peer)
}

fn forget_if_over(scene: &mut Scene, number: ConnectionNumber) {
    let streams = &mut scene.network.streams;
    let is_over = streams
        .get(&number)
        .is_some_and(|stream| !stream.is_open.client && !stream.is_open.server);
    if is_over {
        streams.remove(&number);
    }
}
