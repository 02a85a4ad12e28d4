//! What the gRPC services hold of the loop: the way to put something into it.
//!
//! Owns the messages and the numbers of connections. Never answers anything itself: what comes
//! back comes through an outbox or a reply.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use stoker_master_core::{ConnectionId, Input, OperatorCommand, OperatorRefusal, View};
use stoker_types::{Epoch, agent::AgentEvent, scheduler::Event};
use tokio::sync::{mpsc, oneshot};

use super::outbox::{Outbox, Weigh};

/// The messages that may wait for the loop. When it is full, peers are read no further, and their
/// own sends wait.
const INBOX: usize = 4_096;

/// What the loop is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A scheduler has opened a stream.
    SchedulerConnected(ConnectionId, Arc<Outbox<Event>>),
    /// An agent has opened a stream.
    AgentConnected(ConnectionId, Arc<Outbox<AgentEvent>>),
    /// Something for the core.
    Input(Input),
    /// An operator's command, and where its answer goes.
    Ask(
        OperatorCommand,
        oneshot::Sender<Result<(), OperatorRefusal>>,
    ),
    /// Somebody wants the core's counts.
    Count(oneshot::Sender<View>),
}

/// The loop is over: the master is going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the master is going down; try again when it, or another, is up")]
pub(crate) struct LoopEnded;

/// Why an operator's command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskError {
    /// The core refused it.
    #[error(transparent)]
    Refused(#[from] OperatorRefusal),
    /// Nobody is there to carry it out.
    #[error(transparent)]
    Ended(#[from] LoopEnded),
}

/// The way into the loop; a clone is the same way.
#[derive(Clone, Debug)]
pub(crate) struct MasterHandle {
    messages: mpsc::Sender<Message>,
    connections: Arc<AtomicU64>,
    epoch: Epoch,
}

/// One stream's place in the loop.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    /// Its number.
    pub id: ConnectionId,
    /// What is on its way to the peer.
    pub outbox: Arc<Outbox<T>>,
}

impl MasterHandle {
    /// A way into a loop of term `epoch`, and the loop's end of it.
    pub(crate) fn new(epoch: Epoch) -> (Self, mpsc::Receiver<Message>) {
        let (messages, inbox) = mpsc::channel(INBOX);
        (
            Self {
                messages,
                connections: Arc::default(),
                epoch,
            },
            inbox,
        )
    }

    /// The master's term, which every batch to a peer carries.
    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Gives a scheduler's stream a number and a queue.
    pub(crate) async fn connect_scheduler(&self) -> Result<Connection<Event>, LoopEnded> {
        self.connect(Message::SchedulerConnected).await
    }

    /// Gives an agent's stream a number and a queue.
    pub(crate) async fn connect_agent(&self) -> Result<Connection<AgentEvent>, LoopEnded> {
        self.connect(Message::AgentConnected).await
    }

    async fn connect<T: Weigh>(
        &self,
        message: impl FnOnce(ConnectionId, Arc<Outbox<T>>) -> Message,
    ) -> Result<Connection<T>, LoopEnded> {
        let id = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let outbox = Arc::new(Outbox::new());
        self.send(message(id, Arc::clone(&outbox))).await?;
        Ok(Connection { id, outbox })
    }

    /// Puts an input behind the others; waits while there is no room.
    pub(crate) async fn input(&self, input: Input) -> Result<(), LoopEnded> {
        self.send(Message::Input(input)).await
    }

    /// Has an operator's command carried out.
    pub(crate) async fn ask(&self, command: OperatorCommand) -> Result<(), AskError> {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Ask(command, answer)).await?;
        Ok(answered.await.map_err(|_| LoopEnded)??)
    }

    /// The core's counts, as of when the loop comes to this.
    pub(crate) async fn counts(&self) -> Result<View, LoopEnded> {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Count(answer)).await?;
        answered.await.map_err(|_| LoopEnded)
    }

    /// Whether the loop has ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.messages.is_closed()
    }

    async fn send(&self, message: Message) -> Result<(), LoopEnded> {
        self.messages.send(message).await.map_err(|_| LoopEnded)
    }
}
