//! The network between agents, schedulers and the master: streams that are ordered until they
//! break.
//!
//! ```text
//!   client ── up pipe ──▶ server        a side is open until it closes the stream itself, hears
//!   client ◀── down pipe ── server      the end of its pipe, or gives up
//! ```
//!
//! Owns streams and links. A stream never loses a message and delivers a later one; what is lost
//! is a tail, with the end of the stream. The two sides notice an end independently and perhaps
//! much later (half-open), so what was sent on an old stream can arrive after a new one has
//! opened. A cut link delivers nothing one way or both; a stream over it is given up after a while.
//! Never looks into messages.

mod links;
mod pipe;
mod streams;

use std::collections::BTreeMap;

use stoker_types::{
    Epoch,
    agent::{AgentCall, AgentEvent},
    scheduler::{Event as SchedulerEvent, NumberedCall},
};

use links::Link;
pub(crate) use links::{Cut, cut_link, link_mended, mend_all};
pub(crate) use pipe::Pipe;
pub(crate) use streams::{
    arrival, break_stream, client_died, close, finish, give_up, open, send, server_died,
};

/// Names a stream; never used twice.
pub(crate) type ConnectionNumber = u64;

/// Who is at the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Agent(usize),
    Scheduler(usize),
}

/// One end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The agent's or the scheduler's.
    Client,
    /// The master's.
    Server,
}

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    AgentCall(AgentCall),
    SchedulerCall(NumberedCall),
    AgentEvent(Epoch, AgentEvent),
    SchedulerEvent(Epoch, SchedulerEvent),
}

/// All streams and links.
#[derive(Debug, Default)]
pub(crate) struct Network {
    links: BTreeMap<Peer, Link>,
    streams: BTreeMap<ConnectionNumber, Stream>,
    latest: ConnectionNumber,
}

/// A stream.
#[derive(Debug)]
struct Stream {
    peer: Peer,
    up: Pipe<Message>,
    down: Pipe<Message>,
    is_open: Sides,
    /// Whether anything of the client has arrived at the server.
    has_spoken: bool,
}

/// Something of each side.
#[derive(Clone, Copy, Debug)]
struct Sides {
    client: bool,
    server: bool,
}

impl Sides {
    const fn get(self, side: Side) -> bool {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    const fn close(&mut self, side: Side) -> bool {
        let flag = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        std::mem::replace(flag, false)
    }
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Stream {
    /// What arrives at this side.
    const fn to(&mut self, side: Side) -> &mut Pipe<Message> {
        match side {
            Side::Client => &mut self.down,
            Side::Server => &mut self.up,
        }
    }
}

impl Network {
    /// Whether both sides of every stream know the same of it.
    pub(crate) fn is_whole(&self) -> bool {
        let mut streams = self.streams.values();
        streams.all(|stream| stream.is_open.client == stream.is_open.server)
    }

    pub(crate) fn peer_of(&self, number: ConnectionNumber) -> Option<Peer> {
        self.streams.get(&number).map(|stream| stream.peer)
    }

    /// The streams of a peer that a side still holds open.
    pub(crate) fn streams_of(&self, peer: Peer) -> Vec<ConnectionNumber> {
        self.streams
            .iter()
            .filter(|(_, stream)| stream.peer == peer)
            .filter(|(_, stream)| stream.is_open.client || stream.is_open.server)
            .map(|(number, _)| *number)
            .collect()
    }
}
