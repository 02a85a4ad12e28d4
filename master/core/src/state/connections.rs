//! Who is at the other end of each stream.
//!
//! Owns that table. A stream that the master ended is remembered for a while: what still comes
//! from it is not a first call.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{AgentId, FrameworkId};

use crate::{effect::Effect, input::ConnectionId};

/// The ended streams that are remembered; numbers are never used twice, so old ones can go.
const REMEMBERED_CLOSED_CONNECTIONS: usize = 4096;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A scheduler that subscribed, or is about to be.
    Scheduler(FrameworkId),
    /// An agent that registered, or is about to be.
    Agent(AgentId),
    /// Nobody any more: the master ended the stream.
    Closed,
}

/// All streams on which something was said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    peers: BTreeMap<ConnectionId, Peer>,
    closed: BTreeSet<ConnectionId>,
}

impl Connections {
    pub(crate) fn get(&self, connection: ConnectionId) -> Option<Peer> {
        if self.closed.contains(&connection) {
            return Some(Peer::Closed);
        }
        self.peers.get(&connection).copied()
    }

    /// A peer made itself known on a stream.
    pub(crate) fn open(&mut self, connection: ConnectionId, peer: Peer) {
        self.peers.insert(connection, peer);
    }

    /// Ends a stream.
    pub(crate) fn close(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        self.peers.remove(&connection);
        if self.closed.insert(connection) {
            effects.push(Effect::Disconnect { connection });
        }
        if self.closed.len() > REMEMBERED_CLOSED_CONNECTIONS {
            self.closed.pop_first();
        }
    }

    /// A stream is over; who was at its other end.
    pub(crate) fn forget(&mut self, connection: ConnectionId) -> Option<Peer> {
        self.closed.remove(&connection);
        self.peers.remove(&connection)
    }

    /// All known peers, for the invariants.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnectionId, Peer)> {
        self.peers
            .iter()
            .map(|(connection, peer)| (*connection, *peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_was_ended_is_ended_once_and_remembered_until_it_is_over() {
        let (mut connections, mut effects) = (Connections::default(), Vec::new());
        let connection = ConnectionId(1);
        connections.open(connection, Peer::Agent(AgentId::from_bits(1)));
        connections.close(connection, &mut effects);
        connections.close(connection, &mut effects);
        assert_eq!(effects, [Effect::Disconnect { connection }]);
        assert_eq!(connections.get(connection), Some(Peer::Closed));
        assert_eq!(connections.forget(connection), None);
        assert_eq!(connections.get(connection), None);
    }
}
