//! A scheduler's process: the SDK's core with a workload, and a driver that keeps the contract of
//! the real one.
//!
//! Owns the process, its stream and what it wrote down. The rules: outputs are carried out in
//! order, after the inputs that came together; what was not sent on a stream is void with it;
//! after the core hung up nothing of the stream is heard.

mod notes;
mod outputs;
mod workload;

use std::time::Duration;

use stoker_sdk_scheduler::{
    FrameworkInfo,
    core::{Input, SchedulerCore, Settings},
};
use stoker_types::TaskState;

use crate::{
    clock::{Clock, Due},
    describe,
    events::{Event, Process},
    network::{self, ConnectionNumber, Message, Peer},
    planted::Planted,
    random::Span,
    scene::Scene,
    trace::Who,
};
use notes::Notes;
use workload::{Calm, Style, Workload};

/// From the end of a scheduler to its next life.
const DOWN: Span = Span::millis(20, 60_000);
/// How long an attempt takes that meets no master.
const CONNECT_WITHIN: Span = Span::millis(1, 20_000);

type ScheduleInput = Input<Calm>;

/// The scheduler, alive or not.
#[derive(Debug)]
pub(crate) struct SchedulerProcess {
    index: usize,
    style: Style,
    wanted: u32,
    life: u64,
    core: Option<SchedulerCore<Workload>>,
    clock: Clock,
    due: Due,
    connection: Option<ConnectionNumber>,
    attempts: u64,
    saved: Notes,
    /// How many updates of the present life the checker has seen.
    shown: usize,
    is_done: bool,
    /// Its process dies in the middle of its next input.
    dies_midway: bool,
    /// What a planted driver has not given to the core yet.
    held_back: Vec<ScheduleInput>,
}

impl SchedulerProcess {
    pub(crate) fn new(scene: &mut Scene, index: usize) -> Self {
        Self {
            index,
            style: Style::of(index),
            wanted: scene.plan.wanted,
            life: 0,
            core: None,
            clock: Clock::start(&mut scene.random),
            due: Due::default(),
            connection: None,
            attempts: 0,
            saved: Notes::default(),
            shown: 0,
            is_done: false,
            dies_midway: false,
            held_back: Vec::new(),
        }
    }

    const fn who(&self) -> Who {
        Who::Scheduler(self.index)
    }

    const fn process(&self) -> Process {
        Process::Scheduler(self.index)
    }

    /// Whether it has what it wants and, if it lives, hears of its cluster.
    pub(crate) fn is_settled(&self) -> bool {
        let is_done = |core: &SchedulerCore<Workload>| {
            // A task that nobody knows may yet turn up, for all that its scheduler knows.
            let mut live = core.live_tasks();
            let are_over = live.all(|(_, state)| state == TaskState::Unknown);
            core.is_subscribed() && core.scheduler().is_done() && are_over
        };
        self.is_done || self.core.as_ref().is_some_and(is_done)
    }

    pub(crate) fn describe(&self) -> String {
        let core = self.core.as_ref();
        let notes = core.map_or(&self.saved, |core| &core.scheduler().notes);
        let is_subscribed = core.is_some_and(SchedulerCore::is_subscribed);
        format!(
            "{:?}: up {}, subscribed {is_subscribed}, done {} of {}, open {:?}, live {:?}",
            self.style,
            core.is_some(),
            notes.done,
            self.wanted,
            notes.open,
            core.map(|core| core.live_tasks().collect::<Vec<_>>()),
        )
    }

    // ---- Its lives. ----

    pub(crate) fn start(&mut self, scene: &mut Scene) {
        if self.core.is_some() || self.is_done {
            return;
        }
        self.life += 1;
        self.clock = Clock::start(&mut scene.random);
        self.due = Due::default();
        self.shown = 0;
        let notes = if self.style == Style::Ephemeral {
            // Its framework ended with its connection.
            self.saved.of_a_new_framework()
        } else {
            self.saved.clone()
        };
        let (life, id) = (self.life, notes.framework_id);
        scene.note(self.who(), || format!("starts as {id:?}, life {life}"));
        let settings = Settings {
            framework: self.framework(scene),
            framework_id: notes.framework_id,
            wait: None,
            seed: scene.random.bits(),
        };
        let random = scene.random.fork();
        let workload = Workload::new(self.style, self.wanted, random, notes);
        let now = self.clock.now(scene.now);
        self.core = Some(SchedulerCore::new(workload, settings, now));
        if scene.is_calm {
            self.turn(scene, vec![Input::Command(Calm)]);
        }
        self.wake(scene);
    }

    fn framework(&self, scene: &Scene) -> FrameworkInfo {
        FrameworkInfo {
            name: format!("{:?}", self.style),
            principal: String::new(),
            roles: self.style.roles(),
            failover_timeout: match self.style {
                Style::Ephemeral => Duration::ZERO,
                Style::Farm | Style::Killer => scene.plan.failover,
            },
        }
    }

    /// The process dies; what it wrote down stays.
    pub(crate) fn crash(&mut self, scene: &mut Scene) {
        if let Some(core) = self.core.take() {
            scene.note(self.who(), || "crashes".to_owned());
            if let Some(framework_id) = core.framework_id()
                && self.style == Style::Ephemeral
            {
                scene.checker.nobody_listens(framework_id);
            }
            self.saved = core.into_scheduler().notes;
            let machine_died = scene.random.percent(20);
            self.is_gone(scene, machine_died);
            scene.sometime(DOWN, Event::Start(self.process()));
        }
    }

    /// It will die when its next callback has returned, before anything of it is sent.
    pub(crate) const fn crash_midway(&mut self) {
        self.dies_midway = true;
    }

    fn is_gone(&mut self, scene: &mut Scene, machine_died: bool) {
        network::client_died(scene, Peer::Scheduler(self.index), machine_died);
        self.connection = None;
        self.attempts += 1;
        self.dies_midway = false;
        self.held_back.clear();
    }

    pub(crate) fn jump(&mut self, scene: &mut Scene, ahead: Duration) {
        self.clock.jump(ahead);
        self.due.disarm();
        self.wake(scene);
    }

    /// Trouble is over.
    pub(crate) fn calm_down(&mut self, scene: &mut Scene) {
        self.dies_midway = false;
        self.turn(scene, vec![Input::Command(Calm)]);
    }

    // ---- Inputs. ----

    pub(crate) fn look(&mut self, scene: &mut Scene) {
        self.due.disarm();
        let now = self.clock.now(scene.now);
        let deadline = self.core.as_ref().and_then(SchedulerCore::deadline);
        if deadline.is_some_and(|at| at <= now) {
            self.turn(scene, vec![Input::Tick]);
        } else {
            self.wake(scene);
        }
    }

    fn wake(&mut self, scene: &mut Scene) {
        let process = self.process();
        let deadline = self.core.as_ref().and_then(SchedulerCore::deadline);
        scene.wake(process, &mut self.due, (deadline, &self.clock));
    }

    /// Whether this attempt to open a stream is the one that is under way.
    pub(crate) fn awaits(&self, attempt: u64) -> bool {
        self.core.is_some() && self.attempts == attempt && self.connection.is_none()
    }

    /// The attempt has met a master, or none.
    pub(crate) fn dialled(&mut self, scene: &mut Scene, number: Option<ConnectionNumber>) {
        self.connection = number;
        let input = match number {
            Some(_) => Input::Connected,
            None => lost("no master answers"),
        };
        self.turn(scene, vec![input]);
    }

    /// Something has arrived on the stream, or its end has.
    pub(crate) fn hear(
        &mut self,
        scene: &mut Scene,
        number: ConnectionNumber,
        (messages, has_ended): (Vec<Message>, bool),
    ) {
        if self.connection != Some(number) {
            return;
        }
        let as_input = |message| match message {
            Message::SchedulerEvent(epoch, event) => Some(Input::Event { epoch, event }),
            Message::AgentCall(_) | Message::SchedulerCall(_) | Message::AgentEvent(..) => None,
        };
        let inputs: Vec<ScheduleInput> = messages.into_iter().filter_map(as_input).collect();
        if scene.plan.planted == Some(Planted::AcknowledgeEarly) {
            self.hold_back(scene, inputs);
        } else {
            self.turn(scene, inputs);
        }
        if has_ended {
            self.stream_is_over(scene, number);
        }
    }

    /// The stream is over, if it is the present one.
    pub(crate) fn stream_is_over(&mut self, scene: &mut Scene, number: ConnectionNumber) {
        if self.connection == Some(number) {
            self.connection = None;
            self.release(scene);
            self.turn(scene, vec![lost("the stream is over")]);
        }
    }

    /// Hands over what came in together, and then does what the core wants.
    fn turn(&mut self, scene: &mut Scene, inputs: Vec<ScheduleInput>) {
        let mut outputs = Vec::new();
        for input in inputs {
            let now = self.clock.now(scene.now);
            let who = self.who();
            let Some(core) = &mut self.core else {
                return;
            };
            scene.note(who, || describe::scheduler_input(&input));
            core.handle(now, input, &mut outputs);
            if !cfg!(debug_assertions) {
                core.check_invariants();
            }
            self.show(scene);
            if self.dies_midway {
                return self.crash(scene);
            }
        }
        for output in outputs {
            self.carry_out(scene, output);
        }
        self.wake(scene);
    }

    /// Shows the checker what the callbacks heard.
    fn show(&mut self, scene: &mut Scene) {
        let Some(core) = &self.core else {
            return;
        };
        let heard = &core.scheduler().heard;
        for update in heard.iter().skip(self.shown) {
            scene.checker.heard((self.index, self.life), update);
        }
        self.shown = heard.len();
    }
}

fn lost(message: &str) -> ScheduleInput {
    Input::Disconnected {
        message: message.to_owned(),
        retry: true,
    }
}
