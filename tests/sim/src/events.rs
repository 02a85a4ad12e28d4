//! What is yet to happen, in the order of its time.
//!
//! Owns the queue. Things that are due at the same moment happen in the order in which they were
//! put in, so that one seed has one history.

use std::collections::BTreeMap;

use stoker_types::{RunnerId, TaskKey};

use crate::{
    moment::Moment,
    network::{ConnectionNumber, Peer, Side},
};

/// A process of the cluster, runners apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Process {
    Master,
    Agent(usize),
    Scheduler(usize),
}

impl From<Peer> for Process {
    fn from(peer: Peer) -> Self {
        match peer {
            Peer::Agent(index) => Self::Agent(index),
            Peer::Scheduler(index) => Self::Scheduler(index),
        }
    }
}

/// Something that will happen. What is about a life that is over by then does not.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A process starts, unless it lives.
    Start(Process),
    /// A process looks whether its deadline is here.
    Due(Process),
    /// Something arrives at this side of a stream.
    Arrival { number: ConnectionNumber, at: Side },
    /// This side notices that a stream is broken. With a generation: if its link has been cut
    /// without a pause since.
    GiveUp {
        number: ConnectionNumber,
        side: Side,
        generation: Option<u64>,
    },
    /// A peer's attempt to open a stream is decided.
    Dialled { peer: Peer, attempt: u64 },
    /// A cut link works again.
    LinkMended { peer: Peer, generation: u64 },
    /// The master's registry has committed.
    Committed { life: u64 },
    /// Something happens in a life of an agent's daemon.
    Daemon {
        agent: usize,
        life: u64,
        what: OfDaemon,
    },
    /// Something happens in or around a runner.
    Runner {
        agent: usize,
        runner_id: RunnerId,
        what: OfRunner,
    },
    /// What a scheduler's driver has held back reaches its core. (Only where a bug is planted.)
    HeldBack { scheduler: usize, life: u64 },
    /// The next fault.
    Trouble,
    /// All trouble is over.
    Calm,
    /// Look whether all is well again.
    Look,
}

/// Something that happens in a daemon.
#[derive(Clone, Debug)]
pub(crate) enum OfDaemon {
    /// It dials again.
    Dial,
    /// It ends its stream.
    HangUp { number: ConnectionNumber },
    /// A step of the writing of its log is done.
    Logged,
    /// A task's preparation is a step further.
    Prepared { task: TaskKey, number: u64 },
    /// The upload of a task's outputs is over, if the master can be reached.
    Uploaded { task: TaskKey, number: u64 },
    /// A runner's process is there, or could not be started or found.
    Spawned { runner_id: RunnerId },
    /// A runner that was to answer, or to end, has had its time.
    Overdue { runner_id: RunnerId },
}

/// Something that happens in a runner, or on its socket.
#[derive(Clone, Debug)]
pub(crate) enum OfRunner {
    /// Orders arrive at it.
    Orders,
    /// Words of it arrive at its daemon.
    Words,
    /// A task goes a step further.
    Step { task: TaskKey, step: u64 },
    /// Without a daemon since then, it has waited long enough.
    Orphaned { since: Moment },
}

/// All that is yet to happen.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Moment, u64), Event>,
    latest: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Moment, event: Event) {
        self.latest += 1;
        self.events.insert((at, self.latest), event);
    }

    pub(crate) fn pop(&mut self) -> Option<(Moment, Event)> {
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_at_once_happens_in_the_order_in_which_it_was_put_in() {
        let mut queue = Queue::default();
        let at = Moment::from_micros;
        queue.push(at(5), Event::Due(Process::Agent(1)));
        queue.push(at(5), Event::Due(Process::Agent(0)));
        queue.push(at(3), Event::Look);
        let order: Vec<String> = std::iter::from_fn(|| queue.pop())
            .map(|(at, event)| format!("{} {event:?}", at.as_micros()))
            .collect();
        assert_eq!(order, ["3 Look", "5 Due(Agent(1))", "5 Due(Agent(0))"]);
    }
}
