//! The master's process: its core, and a driver that keeps the contract of the real one.
//!
//! Owns the process, its registry and the streams that its driver has open. The rules: effects are
//! carried out in order; the core hears of a stream's end exactly once, and nothing from the
//! stream after it; registry operations of a turn are committed together and answered in order;
//! what a crash finds uncommitted is lost.

mod effects;
mod inputs;
mod registry;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use stoker_master_core::{ConnectionId, Effect, Input, Master, OperatorCommand, RequestId};
use stoker_types::{AgentId, Epoch, FrameworkId, Timestamp, agent::TaskSnapshot};

use crate::{
    clock::{Clock, Due},
    describe,
    events::{Event, Process},
    moment::Moment,
    network::{self, ConnectionNumber, Peer, Side},
    planted::Planted,
    random::Span,
    scene::Scene,
    trace::Who,
};
use registry::{Registry, Writer};

/// From a crash to the next start.
const DOWN: Span = Span::millis(20, 60_000);

/// The master, alive or not.
#[derive(Debug)]
pub(crate) struct MasterProcess {
    core: Option<Master>,
    life: u64,
    epoch: Epoch,
    clock: Clock,
    due: Due,
    registry: Registry,
    writer: Writer,
    streams: BTreeMap<ConnectionNumber, StreamEnd>,
    requests: u64,
    /// Its disk is slow until then.
    pub(crate) slow_until: Moment,
}

/// A stream as the driver has it.
#[derive(Debug)]
struct StreamEnd {
    peer: Peer,
    framework_id: Option<FrameworkId>,
    failover_timeout: Duration,
    agent_id: Option<AgentId>,
    /// The tasks that an agent has told on it.
    told: Vec<TaskSnapshot>,
}

impl MasterProcess {
    pub(crate) fn new(scene: &mut Scene) -> Self {
        Self {
            core: None,
            life: 0,
            epoch: Epoch::default(),
            clock: Clock::start(&mut scene.random),
            due: Due::default(),
            registry: Registry::default(),
            writer: Writer::default(),
            streams: BTreeMap::new(),
            requests: 0,
            slow_until: Moment::default(),
        }
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.core.is_some()
    }

    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether it has no task that is not over.
    pub(crate) fn is_idle(&self) -> bool {
        let core = self.core.as_ref();
        core.is_some_and(|core| core.view().tasks.values().all(|count| *count == 0))
    }

    pub(crate) fn view(&self) -> Option<stoker_master_core::View> {
        self.core.as_ref().map(Master::view)
    }

    // ---- Its lives. ----

    pub(crate) fn start(&mut self, scene: &mut Scene) {
        if self.core.is_some() {
            return;
        }
        self.life += 1;
        self.clock = Clock::start(&mut scene.random);
        self.due = Due::default();
        let recovered = self.registry.load();
        self.epoch = self.registry.begin_term();
        let (epoch, now) = (self.epoch, self.clock.now(scene.now));
        scene.note(Who::Master, || format!("starts, epoch {epoch}"));
        scene.checker.master_started(now);
        let mut effects = Vec::new();
        let core = Master::new(
            scene.plan.master.clone(),
            epoch,
            scene.random.bits(),
            now,
            recovered,
            &mut effects,
        );
        self.core = Some(core);
        let mut operations = Vec::new();
        let followups = self.carry_out(scene, effects, &mut operations);
        debug_assert!(followups.is_empty(), "a new master has no streams");
        self.end_turn(scene, operations);
    }

    pub(crate) fn crash(&mut self, scene: &mut Scene) {
        if self.core.take().is_none() {
            return;
        }
        let machine_died = scene.random.percent(20);
        scene.note(Who::Master, || {
            format!("crashes (with its machine: {machine_died})")
        });
        self.writer.crash(&mut self.registry, &mut scene.random);
        self.streams.clear();
        scene.checker.master_died();
        network::server_died(scene, machine_died);
        scene.sometime(DOWN, Event::Start(Process::Master));
    }

    pub(crate) fn jump(&mut self, scene: &mut Scene, ahead: Duration) {
        self.clock.jump(ahead);
        self.due.disarm();
        self.wake(scene);
    }

    // ---- What comes in. ----

    /// A peer has opened a stream.
    pub(crate) fn accept(&mut self, number: ConnectionNumber, peer: Peer) {
        let end = StreamEnd {
            peer,
            framework_id: None,
            failover_timeout: Duration::ZERO,
            agent_id: None,
            told: Vec::new(),
        };
        self.streams.insert(number, end);
    }

    /// Something has arrived on a stream, or its end has.
    pub(crate) fn hear(
        &mut self,
        scene: &mut Scene,
        number: ConnectionNumber,
        (messages, has_ended): (Vec<network::Message>, bool),
    ) {
        let mut heard: Vec<Input> = messages
            .into_iter()
            .filter_map(|message| inputs::of_message(number, message))
            .collect();
        if has_ended && let Some(end) = self.streams.get(&number) {
            heard.push(inputs::of_end(number, end.peer));
        }
        self.turn(scene, heard);
    }

    /// The driver ends a stream by itself: its peer reads too slowly, or keeps silent.
    pub(crate) fn cut(&mut self, scene: &mut Scene, number: ConnectionNumber) {
        if let Some(end) = self.streams.get(&number) {
            let input = inputs::of_end(number, end.peer);
            network::finish(scene, number, Side::Server);
            self.turn(scene, vec![input]);
        }
    }

    pub(crate) fn look(&mut self, scene: &mut Scene) {
        self.due.disarm();
        let is_due = self
            .deadline()
            .is_some_and(|at| at <= self.clock.now(scene.now));
        if is_due {
            self.turn(scene, vec![Input::Tick]);
        } else {
            self.wake(scene);
        }
    }

    pub(crate) fn committed(&mut self, scene: &mut Scene, life: u64) {
        if self.core.is_none() || life != self.life {
            return;
        }
        let numbers = self.writer.finish(&mut self.registry);
        let answers = if scene.plan.planted == Some(Planted::CommitEarly) {
            Vec::new()
        } else {
            inputs::of_commit(numbers)
        };
        self.turn(scene, answers);
    }

    /// An operator wants something.
    pub(crate) fn operate(&mut self, scene: &mut Scene, command: OperatorCommand) {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.turn(scene, vec![Input::Operator { request, command }]);
    }

    // ---- The loop. ----

    fn turn(&mut self, scene: &mut Scene, heard: Vec<Input>) {
        let mut operations = Vec::new();
        let mut inputs = VecDeque::from(heard);
        while let Some(input) = inputs.pop_front() {
            let effects = self.handle(scene, input);
            // What follows from an input comes before the next one.
            for followup in self
                .carry_out(scene, effects, &mut operations)
                .into_iter()
                .rev()
            {
                inputs.push_front(followup);
            }
        }
        self.end_turn(scene, operations);
    }

    fn handle(&mut self, scene: &mut Scene, input: Input) -> Vec<Effect> {
        if !self.is_from_an_open_stream(&input) || self.core.is_none() {
            return Vec::new();
        }
        scene.note(Who::Master, || describe::master_input(&input));
        let now = self.clock.now(scene.now);
        self.observe_input(scene, now, &input);
        let mut effects = Vec::new();
        if let Some(core) = &mut self.core {
            core.handle(now, input, &mut effects);
            if !cfg!(debug_assertions) {
                core.check_invariants();
            }
        }
        effects
    }

    fn is_from_an_open_stream(&mut self, input: &Input) -> bool {
        match input {
            Input::Scheduler { connection, .. }
            | Input::SchedulerCallInvalid { connection, .. }
            | Input::Agent { connection, .. }
            | Input::SchedulerDisconnected { connection }
            | Input::AgentDisconnected { connection } => self.streams.contains_key(&connection.0),
            Input::Tick | Input::Persisted { .. } | Input::Operator { .. } => true,
        }
    }

    fn end_turn(
        &mut self,
        scene: &mut Scene,
        operations: Vec<(u64, stoker_master_core::RegistryOperation)>,
    ) {
        self.writer.submit(operations);
        if let Some(numbers) = self.writer.begin() {
            let times = scene.plan.times;
            let is_slow = scene.now < self.slow_until;
            let span = if is_slow {
                times.slow_commit
            } else {
                times.commit
            };
            scene.sometime(span, Event::Committed { life: self.life });
            if scene.plan.planted == Some(Planted::CommitEarly) {
                return self.turn(scene, inputs::of_commit(numbers));
            }
        }
        self.wake(scene);
    }

    fn wake(&mut self, scene: &mut Scene) {
        let deadline = self.deadline();
        scene.wake(Process::Master, &mut self.due, (deadline, &self.clock));
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.core.as_ref().and_then(Master::deadline)
    }
}

const fn connection(number: ConnectionNumber) -> ConnectionId {
    ConnectionId(number)
}
