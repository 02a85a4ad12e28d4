//! The loop: one task that owns the core and carries out what it wants done.
//!
//! Owns the core, the table of streams, the operators' open questions and the registry's writer.
//! One turn: take what came in (up to 1,024 messages), hand each to the core at its time, carry
//! out its effects in order, write all its registry operations at once, show readers what changed.
//! Never waits for a peer, a disk or a reader's request.

mod connections;
mod handle;
mod outbox;
#[cfg(test)]
mod tests;
mod weight;
mod writer;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use stoker_master_core::{
    Change, ConnectionId, Effect, Input, Master, OperatorRefusal, RegistryOperation, RequestId,
};
use stoker_types::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{MasterError, clock::Clock, metrics::Metrics, registry::Registry};

use connections::Connections;
pub(crate) use handle::{AskError, Connection, LoopEnded, MasterHandle, Message};
pub(crate) use outbox::{Ending, Outbox, Taken, Weigh};
use writer::Writer;

/// The messages that one turn takes at most.
const MESSAGES_PER_TURN: usize = 1_024;

/// What changed in one turn, for readers.
#[derive(Debug)]
pub(crate) struct Changes {
    /// When the turn ended.
    pub at: Timestamp,
    /// What changed, in order.
    pub changes: Vec<Change>,
}

/// What the loop works with.
pub(crate) struct Parts {
    /// The state machine, made with the effects in `effects`.
    pub core: Master,
    /// What the core wants done at its start.
    pub effects: Vec<Effect>,
    /// What the core's registry operations are written to.
    pub registry: Box<dyn Registry>,
    /// The time.
    pub clock: Clock,
    /// What comes in.
    pub inbox: mpsc::Receiver<Message>,
    /// Where readers hear of changes. When it is full the loop waits: its reader waits for nothing.
    pub changes: mpsc::Sender<Changes>,
    /// The streams at most.
    pub max_peers: usize,
    /// What is counted.
    pub metrics: Metrics,
}

/// The loop.
pub(crate) struct Driver {
    core: Master,
    clock: Clock,
    inbox: mpsc::Receiver<Message>,
    changes: mpsc::Sender<Changes>,
    writer: Writer,
    metrics: Metrics,
    connections: Connections,
    /// Operators' open questions, and the number of the latest.
    asked: BTreeMap<RequestId, oneshot::Sender<Result<(), OperatorRefusal>>>,
    latest_request: u64,
    /// What is carried out next, in order.
    effects: Vec<Effect>,
    /// Inputs that follow from carrying out effects.
    followups: VecDeque<Input>,
    /// This turn's registry operations.
    operations: Vec<(u64, RegistryOperation)>,
    /// This turn's changes.
    changed: Vec<Change>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl Driver {
    /// Makes the loop and starts its writing thread.
    pub(crate) fn new(parts: Parts) -> Result<Self, MasterError> {
        Ok(Self {
            core: parts.core,
            clock: parts.clock,
            inbox: parts.inbox,
            changes: parts.changes,
            writer: Writer::start(parts.registry, parts.metrics.clone())?,
            metrics: parts.metrics,
            connections: Connections::new(parts.max_peers),
            asked: BTreeMap::new(),
            latest_request: 0,
            effects: parts.effects,
            followups: VecDeque::new(),
            operations: Vec::new(),
            changed: Vec::new(),
        })
    }

    /// Runs until `shutdown`, or until the registry cannot be written.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), MasterError> {
        let result = self.turn(&shutdown).await;
        self.connections.finish_all();
        result?;
        self.writer.finish().await
    }

    async fn turn(&mut self, shutdown: &CancellationToken) -> Result<(), MasterError> {
        let mut messages = Vec::with_capacity(MESSAGES_PER_TURN);
        self.carry_out();
        loop {
            self.end_turn().await;
            let deadline = self.core.deadline();
            let has_room = self.writer.has_room();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                written = self.writer.answered() => {
                    for sequence in written? {
                        self.handle(Input::Persisted { sequence });
                    }
                }
                count = self.inbox.recv_many(&mut messages, MESSAGES_PER_TURN), if has_room => {
                    if count == 0 {
                        return Err(MasterError::PartGone("gRPC services"));
                    }
                    self.take(&mut messages);
                }
                () = sleep_until(self.clock, deadline) => {}
            }
            let is_due = self
                .core
                .deadline()
                .is_some_and(|due| due <= self.clock.now());
            if is_due {
                self.handle(Input::Tick);
            }
        }
    }

    fn take(&mut self, messages: &mut Vec<Message>) {
        let started = Instant::now();
        self.metrics.inputs(messages.len());
        for message in messages.drain(..) {
            match message {
                Message::SchedulerConnected(id, outbox) => {
                    self.connections.add_scheduler(id, outbox);
                }
                Message::AgentConnected(id, outbox) => self.connections.add_agent(id, outbox),
                Message::Input(input) => {
                    if self.is_from_an_open_stream(&input) {
                        self.handle(input);
                    }
                }
                Message::Ask(command, answer) => {
                    self.latest_request += 1;
                    let request = RequestId(self.latest_request);
                    self.asked.insert(request, answer);
                    self.handle(Input::Operator { request, command });
                }
                Message::Count(answer) => {
                    // A scrape that has gone away needs no counts.
                    let _is_heard = answer.send(self.core.view());
                }
            }
        }
        self.metrics.busy(started.elapsed());
    }

    /// Whether the core is to hear an input: what a stream sent before it was cut is dropped, and
    /// the end of a stream is told once.
    fn is_from_an_open_stream(&mut self, input: &Input) -> bool {
        match input {
            Input::Scheduler { connection, .. }
            | Input::SchedulerCallInvalid { connection, .. } => {
                self.connections.schedulers.contains(*connection)
            }
            Input::Agent { connection, .. } => self.connections.agents.contains(*connection),
            Input::SchedulerDisconnected { connection } => self
                .connections
                .schedulers
                .remove(*connection, Ending::Finished),
            Input::AgentDisconnected { connection } => self
                .connections
                .agents
                .remove(*connection, Ending::Finished),
            Input::Tick | Input::Persisted { .. } | Input::Operator { .. } => true,
        }
    }

    /// Hands an input to the core and carries out what follows, and what follows from that.
    fn handle(&mut self, input: Input) {
        self.followups.push_back(input);
        while let Some(input) = self.followups.pop_front() {
            self.core.handle(self.clock.now(), input, &mut self.effects);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::ToScheduler { connection, event } => {
                    if !self.connections.schedulers.push(connection, event) {
                        self.cut(connection, Input::SchedulerDisconnected { connection });
                    }
                }
                Effect::ToAgent { connection, event } => {
                    if !self.connections.agents.push(connection, event) {
                        self.cut(connection, Input::AgentDisconnected { connection });
                    }
                }
                Effect::Disconnect { connection } => {
                    self.followups
                        .extend(self.connections.disconnect(connection));
                }
                Effect::Persist {
                    sequence,
                    operation,
                } => {
                    self.operations.push((sequence, operation));
                }
                Effect::Reply { request, result } => {
                    // An operator that has gone away needs no answer.
                    let _is_heard = self.asked.remove(&request).map(|asked| asked.send(result));
                }
                Effect::Changed(change) => self.changed.push(change),
            }
        }
        // The list is kept for its room.
        self.effects = effects;
    }

    fn cut(&mut self, connection: ConnectionId, disconnected: Input) {
        tracing::warn!(
            connection = connection.0,
            "a peer does not read as fast as it is told; its stream is ended"
        );
        self.metrics.stream_cut();
        self.followups.push_back(disconnected);
    }

    async fn end_turn(&mut self) {
        self.writer.submit(std::mem::take(&mut self.operations));
        self.metrics.streams(
            self.connections.schedulers.count(),
            self.connections.agents.count(),
        );
        if !self.changed.is_empty() {
            let changes = std::mem::take(&mut self.changed);
            // Without a reader nobody is shown anything.
            let _is_shown = self
                .changes
                .send(Changes {
                    at: self.clock.now(),
                    changes,
                })
                .await;
        }
    }
}

async fn sleep_until(clock: Clock, deadline: Option<Timestamp>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(clock.instant(deadline)).await,
        None => std::future::pending().await,
    }
}
