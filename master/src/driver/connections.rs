//! The streams that are open: which number leads to which queue.
//!
//! Owns the table; the loop alone changes it. Never knows who is at the other end: that is the
//! core's.

use std::{collections::BTreeMap, sync::Arc};

use stoker_master_core::{ConnectionId, Input};
use stoker_types::{agent::AgentEvent, scheduler::Event};

use super::outbox::{Ending, Outbox, Weigh};

/// The streams of one kind of peer.
#[derive(Debug)]
pub(super) struct Streams<T> {
    outboxes: BTreeMap<ConnectionId, Arc<Outbox<T>>>,
}

impl<T: Weigh> Streams<T> {
    const fn new() -> Self {
        Self {
            outboxes: BTreeMap::new(),
        }
    }

    /// Takes a stream off; says whether it was there.
    pub(super) fn remove(&mut self, connection: ConnectionId, ending: Ending) -> bool {
        let Some(outbox) = self.outboxes.remove(&connection) else {
            return false;
        };
        outbox.finish(ending);
        true
    }

    pub(super) fn contains(&self, connection: ConnectionId) -> bool {
        self.outboxes.contains_key(&connection)
    }

    /// Tells a peer. False if its queue was full, and then the stream is cut and off the table.
    /// What is for a stream that is over already is dropped: the core knows, or is about to hear.
    pub(super) fn push(&mut self, connection: ConnectionId, event: T) -> bool {
        let Some(outbox) = self.outboxes.get(&connection) else {
            return true;
        };
        if outbox.push(event).is_ok() {
            return true;
        }
        outbox.cut(Ending::TooSlow);
        self.outboxes.remove(&connection);
        false
    }

    fn finish_all(&mut self) {
        for outbox in std::mem::take(&mut self.outboxes).into_values() {
            outbox.finish(Ending::ShuttingDown);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.outboxes.len()
    }
}

/// All streams.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) schedulers: Streams<Event>,
    pub(super) agents: Streams<AgentEvent>,
    max_peers: usize,
}

impl Connections {
    pub(super) const fn new(max_peers: usize) -> Self {
        Self {
            schedulers: Streams::new(),
            agents: Streams::new(),
            max_peers,
        }
    }

    pub(super) fn add_scheduler(&mut self, id: ConnectionId, outbox: Arc<Outbox<Event>>) {
        if self.has_room() {
            self.schedulers.outboxes.insert(id, outbox);
        } else {
            outbox.cut(Ending::TooManyPeers);
        }
    }

    pub(super) fn add_agent(&mut self, id: ConnectionId, outbox: Arc<Outbox<AgentEvent>>) {
        if self.has_room() {
            self.agents.outboxes.insert(id, outbox);
        } else {
            outbox.cut(Ending::TooManyPeers);
        }
    }

    fn has_room(&self) -> bool {
        self.schedulers.count() + self.agents.count() < self.max_peers
    }

    /// Ends a stream by the core's word, after what it was told. What the core is to hear of it, so
    /// that it can forget the stream: nothing more comes from it.
    pub(super) fn disconnect(&mut self, connection: ConnectionId) -> Option<Input> {
        if self.schedulers.remove(connection, Ending::Finished) {
            Some(Input::SchedulerDisconnected { connection })
        } else if self.agents.remove(connection, Ending::Finished) {
            Some(Input::AgentDisconnected { connection })
        } else {
            None
        }
    }

    /// Ends all streams: the master is going down.
    pub(super) fn finish_all(&mut self) {
        self.schedulers.finish_all();
        self.agents.finish_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::outbox::Taken;

    const FIRST: ConnectionId = ConnectionId(1);
    const SECOND: ConnectionId = ConnectionId(2);

    fn with_schedulers(count: u64) -> (Connections, Vec<Arc<Outbox<Event>>>) {
        let mut connections = Connections::new(2);
        let outboxes: Vec<_> = (0..count).map(|_| Arc::new(Outbox::new())).collect();
        for (number, outbox) in (1..).zip(&outboxes) {
            connections.add_scheduler(ConnectionId(number), Arc::clone(outbox));
        }
        (connections, outboxes)
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_cut_and_the_others_live() {
        let (mut connections, outboxes) = with_schedulers(2);
        let mut told = 0;
        while connections.schedulers.push(FIRST, Event::Heartbeat) {
            told += 1;
            assert!(told < 1_000_000, "a queue without an end");
        }
        assert!(!connections.schedulers.contains(FIRST));
        assert_eq!(outboxes[0].take(9).await, Taken::End(Ending::TooSlow));
        // What is still for it is dropped.
        assert!(connections.schedulers.push(FIRST, Event::Heartbeat));
        assert!(connections.schedulers.push(SECOND, Event::Heartbeat));
        assert_eq!(
            outboxes[1].take(9).await,
            Taken::Items(vec![Event::Heartbeat])
        );
    }

    #[tokio::test]
    async fn one_peer_too_many_is_told_so() {
        let (connections, outboxes) = with_schedulers(3);
        assert_eq!(connections.schedulers.count(), 2);
        assert_eq!(outboxes[2].take(9).await, Taken::End(Ending::TooManyPeers));
    }

    #[tokio::test]
    async fn a_stream_that_the_core_ends_is_told_what_it_was_told_and_the_core_hears_it_once() {
        let (mut connections, outboxes) = with_schedulers(1);
        connections.schedulers.push(FIRST, Event::Heartbeat);
        assert!(matches!(
            connections.disconnect(FIRST),
            Some(Input::SchedulerDisconnected { connection: FIRST })
        ));
        assert!(connections.disconnect(FIRST).is_none());
        assert_eq!(
            outboxes[0].take(9).await,
            Taken::Items(vec![Event::Heartbeat])
        );
        assert_eq!(outboxes[0].take(9).await, Taken::End(Ending::Finished));
    }
}
