//! The loop of an agent's daemon: inputs in, effects out, records into the log.

use std::collections::{BTreeMap, VecDeque};

use stoker_agent_core::{Agent, ConnectionId, Input, Record};
use stoker_types::{RunnerId, TaskKey, Timestamp};

use super::{
    Machine,
    log::{Command, Effort, Entry, Writer},
    supervise::Supervised,
};
use crate::{
    clock::Due,
    describe,
    events::{Event, OfDaemon},
    network::{self, ConnectionNumber, Message},
    planted::Planted,
    random::Span,
    scene::Scene,
};

/// The pause between attempts to reach a master.
const REDIAL: Span = Span::millis(25, 5_000);
/// From the core's word to end the stream to its end.
const HANG_UP: Span = Span::micros(1, 1_000);
/// How long an attempt takes that meets no master.
const CONNECT_WITHIN: Span = Span::millis(1, 5_000);
/// How often, of a hundred turns, the log is shortened.
const SNAPSHOT_PERCENT: u64 = 1;

/// One life of a daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) core: Agent,
    pub(super) due: Due,
    pub(super) writer: Writer,
    /// The records of the present turn.
    pub(super) group: Vec<Entry>,
    pub(super) connection: Option<ConnectionNumber>,
    attempts: u64,
    /// The preparations under way: the number of the one that counts.
    pub(super) preparations: BTreeMap<TaskKey, Preparation>,
    /// The uploads under way.
    pub(super) uploads: BTreeMap<TaskKey, Upload>,
    /// Numbers both.
    pub(super) latest_errand: u64,
    pub(super) supervised: BTreeMap<RunnerId, Supervised>,
    pub(super) wants_snapshot: bool,
    pub(super) exit: Option<bool>,
    pub(super) ends_tasks: bool,
}

/// A preparation under way.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    pub(super) number: u64,
    /// What happens next, in order.
    pub(super) steps: VecDeque<Input>,
}

/// An upload under way.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) number: u64,
    pub(super) paths: Vec<String>,
}

impl Daemon {
    pub(super) fn new(core: Agent) -> Self {
        Self {
            core,
            due: Due::default(),
            writer: Writer::default(),
            group: Vec::new(),
            connection: None,
            attempts: 0,
            preparations: BTreeMap::new(),
            uploads: BTreeMap::new(),
            latest_errand: 0,
            supervised: BTreeMap::new(),
            wants_snapshot: false,
            exit: None,
            ends_tasks: false,
        }
    }
}

impl Machine {
    /// Hands inputs to the core, and carries out what follows from each; then has the records of
    /// all of them written.
    pub(super) fn turn(&mut self, scene: &mut Scene, inputs: Vec<Input>) {
        for input in inputs {
            let who = self.who();
            let Some(daemon) = &mut self.daemon else {
                return;
            };
            scene.note(who, || describe::agent_input(&input));
            let now = self.clock.now(scene.now);
            let mut effects = Vec::new();
            daemon.core.handle(now, input, &mut effects);
            if !cfg!(debug_assertions) {
                daemon.core.check_invariants();
            }
            self.carry_out(scene, effects);
        }
        self.commit(scene);
        if let Some(daemon) = &mut self.daemon
            && let Some(ends_tasks) = daemon.exit.take()
        {
            return self.daemon_exits(scene, ends_tasks);
        }
        self.wake(scene);
    }

    pub(crate) fn look(&mut self, scene: &mut Scene) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        daemon.due.disarm();
        let now = self.clock.now(scene.now);
        if daemon.core.deadline().is_some_and(|at| at <= now) {
            self.turn(scene, vec![Input::Tick]);
        } else {
            self.wake(scene);
        }
    }

    pub(super) fn wake(&mut self, scene: &mut Scene) {
        let process = self.process();
        if let Some(daemon) = &mut self.daemon {
            let deadline: Option<Timestamp> = daemon.core.deadline();
            scene.wake(process, &mut daemon.due, (deadline, &self.clock));
        }
    }

    /// An operator stops the daemon.
    pub(crate) fn stop(&mut self, scene: &mut Scene, kill_tasks: bool) {
        if let Some(daemon) = &mut self.daemon {
            daemon.ends_tasks = kill_tasks;
            if kill_tasks {
                scene.checker.agent_emptied(self.agent_id);
            }
            self.turn(scene, vec![Input::Stop { kill_tasks }]);
        }
    }

    // ---- The log. ----

    /// Has the records of a turn written, and now and then the log shortened.
    pub(super) fn commit(&mut self, scene: &mut Scene) {
        let who = self.who();
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        if !daemon.group.is_empty() {
            let group = std::mem::take(&mut daemon.group);
            daemon.writer.give(Command::Append(group));
            daemon.wants_snapshot |= scene.random.percent(SNAPSHOT_PERCENT);
        }
        if std::mem::take(&mut daemon.wants_snapshot) {
            let snapshot = daemon.core.snapshot();
            let length = snapshot.len();
            scene.note(who, || format!("log: to be replaced by {length} records"));
            daemon.writer.give(Command::Snapshot(snapshot));
        }
        self.write(scene);
    }

    pub(crate) fn shorten_log(&mut self, scene: &mut Scene) {
        if let Some(daemon) = &mut self.daemon {
            daemon.wants_snapshot = true;
        }
        self.commit(scene);
    }

    fn write(&mut self, scene: &mut Scene) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let Some(effort) = daemon.writer.begin() else {
            return;
        };
        let promised = daemon.writer.promised();
        self.work(scene, effort);
        if let Some(sequence) = promised
            && scene.plan.planted == Some(Planted::SyncEarly)
        {
            self.turn(scene, vec![Input::Persisted { sequence }]);
        }
    }

    fn work(&self, scene: &mut Scene, effort: Effort) {
        let times = scene.plan.times;
        let is_slow = scene.now < self.slow_until;
        let span = match effort {
            // A planted log that answers early can be as slow as it likes.
            Effort::Write if scene.plan.planted == Some(Planted::SyncEarly) => times.slow_sync,
            Effort::Write => times.write,
            Effort::Sync if is_slow => times.slow_sync,
            Effort::Sync => times.sync,
        };
        scene.sometime(span, self.of_daemon(OfDaemon::Logged));
    }

    /// A step of the writing is done.
    pub(super) fn logged(&mut self, scene: &mut Scene) {
        let is_planted = scene.plan.planted == Some(Planted::SkipCheckpoint);
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let random = &mut scene.random;
        let skips = |record: &Record| {
            is_planted && matches!(record, Record::HandedOver { .. }) && random.percent(5)
        };
        let (sequence, effort) = daemon.writer.finish(&mut self.disk, skips);
        if let Some(effort) = effort {
            self.work(scene, effort);
        }
        let answers = sequence.map(|sequence| match effort {
            Some(_) => Input::Written { sequence },
            None => Input::Persisted { sequence },
        });
        if scene.plan.planted == Some(Planted::SyncEarly) {
            return self.write(scene);
        }
        self.turn(scene, answers.into_iter().collect());
        self.write(scene);
    }

    // ---- The stream to the master. ----

    /// Tries to open a stream to the master.
    pub(super) fn dial(&mut self, scene: &mut Scene) {
        let peer = self.peer();
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        daemon.attempts += 1;
        let attempt = daemon.attempts;
        let span = if scene.network.can_dial(peer) {
            scene.plan.times.message
        } else {
            CONNECT_WITHIN
        };
        scene.sometime(span, Event::Dialled { peer, attempt });
    }

    /// Whether this attempt to open a stream is the one that is under way.
    pub(crate) fn awaits(&self, attempt: u64) -> bool {
        self.daemon
            .as_ref()
            .is_some_and(|daemon| daemon.attempts == attempt && daemon.connection.is_none())
    }

    /// The attempt has met a master, or none.
    pub(crate) fn dialled(&mut self, scene: &mut Scene, number: Option<ConnectionNumber>) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        daemon.connection = number;
        match number {
            Some(number) => {
                let connection = ConnectionId(number);
                self.turn(scene, vec![Input::Connected { connection }]);
            }
            None => self.redial(scene),
        }
    }

    fn redial(&self, scene: &mut Scene) {
        scene.sometime(REDIAL, self.of_daemon(OfDaemon::Dial));
    }

    pub(super) fn dial_again(&mut self, scene: &mut Scene) {
        let daemon = self.daemon.as_ref();
        if daemon.is_some_and(|daemon| daemon.connection.is_none()) {
            self.dial(scene);
        }
    }

    /// Something has arrived on the stream, or its end has.
    pub(crate) fn hear(
        &mut self,
        scene: &mut Scene,
        number: ConnectionNumber,
        (messages, has_ended): (Vec<Message>, bool),
    ) {
        let is_present = |daemon: &Daemon| daemon.connection == Some(number);
        if !self.daemon.as_ref().is_some_and(is_present) {
            return;
        }
        let connection = ConnectionId(number);
        let as_input = |message| match message {
            Message::AgentEvent(epoch, event) => Some(Input::Master {
                connection,
                epoch,
                event,
            }),
            Message::AgentCall(_) | Message::SchedulerCall(_) | Message::SchedulerEvent(..) => None,
        };
        let inputs: Vec<Input> = messages.into_iter().filter_map(as_input).collect();
        self.turn(scene, inputs);
        if has_ended {
            self.stream_is_over(scene, number);
        }
    }

    /// The stream is over, whoever ended it: the core hears it, and another one is dialled.
    pub(crate) fn stream_is_over(&mut self, scene: &mut Scene, number: ConnectionNumber) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        if daemon.connection == Some(number) {
            daemon.connection = None;
            let connection = ConnectionId(number);
            self.turn(scene, vec![Input::Disconnected { connection }]);
            self.redial(scene);
        }
    }

    /// The core wants the stream to end.
    pub(super) fn hang_up(&self, scene: &mut Scene, number: ConnectionNumber) {
        scene.sometime(HANG_UP, self.of_daemon(OfDaemon::HangUp { number }));
    }

    /// The stream that the core wanted to end ends.
    pub(super) fn hung_up(&mut self, scene: &mut Scene, number: ConnectionNumber) {
        network::close(scene, number);
        self.stream_is_over(scene, number);
    }
}
