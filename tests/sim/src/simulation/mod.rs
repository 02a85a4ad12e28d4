//! A whole cluster under one seed: the loop that lets things happen, one after the other.
//!
//! Owns the processes and which event goes to which; after each event the checker may say that
//! something is wrong. What a process does is its own folder's business.

mod dispatch;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    checker::{Rule, Violation},
    events::{Event, OfRunner, Process, Queue},
    faults,
    machine::Machine,
    master::MasterProcess,
    moment::Moment,
    network::{Network, Side},
    plan::Plan,
    planted::Planted,
    random::{Random, Span},
    scene::Scene,
    schedulers::SchedulerProcess,
    trace::{Trace, Who},
};

/// When processes first start.
const BEGINNING: Span = Span::millis(1, 2_000);
/// How often the simulation looks whether all is well again, and for how long it waits for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const WELL_WITHIN: Duration = Duration::from_secs(1_500);
/// More steps than any seed takes: something goes round in circles.
const MOST_STEPS: u64 = 2_000_000;

/// A cluster and all that may happen to it.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) scene: Scene,
    pub(crate) master: MasterProcess,
    pub(crate) machines: Vec<Machine>,
    pub(crate) schedulers: Vec<SchedulerProcess>,
    paused: BTreeMap<Process, Moment>,
    calm_since: Moment,
    pub(crate) steps: u64,
    pub(crate) faults: u64,
}

impl Simulation {
    pub(crate) fn new(seed: u64, planted: Option<Planted>, trace: Trace) -> Self {
        let mut random = Random::from_seed(seed);
        let plan = Plan::draw(&mut random, planted);
        let (agents, schedulers, trouble) = (plan.agents, plan.schedulers, plan.trouble);
        let mut scene = Scene {
            now: Moment::default(),
            random,
            queue: Queue::default(),
            network: Network::default(),
            trace,
            checker: crate::checker::Checker::default(),
            plan,
            is_calm: false,
        };
        let plan = format!("{:?}", scene.plan);
        scene.note(Who::World, || format!("seed {seed}: {plan}"));
        let simulation = Self {
            master: MasterProcess::new(&mut scene),
            machines: (0..agents)
                .map(|index| Machine::new(&mut scene, index))
                .collect(),
            schedulers: (0..schedulers)
                .map(|index| SchedulerProcess::new(&mut scene, index))
                .collect(),
            scene,
            paused: BTreeMap::new(),
            calm_since: Moment::default(),
            steps: 0,
            faults: 0,
        };
        simulation.begin(trouble)
    }

    fn begin(mut self, trouble: Duration) -> Self {
        let agents = (0..self.machines.len()).map(Process::Agent);
        let schedulers = (0..self.schedulers.len()).map(Process::Scheduler);
        let processes: Vec<Process> = std::iter::once(Process::Master)
            .chain(agents)
            .chain(schedulers)
            .collect();
        for process in processes {
            self.scene.sometime(BEGINNING, Event::Start(process));
        }
        let span = self.scene.plan.fault_pause;
        self.scene.sometime(span, Event::Trouble);
        self.scene.later(trouble, Event::Calm);
        self
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// With what was wrong first.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        loop {
            let Some((at, event)) = self.scene.queue.pop() else {
                return Err(self.stuck("nothing happens any more"));
            };
            self.scene.now = at;
            self.steps += 1;
            let is_over = self.step(event);
            if let Some(violation) = self.scene.checker.violation() {
                return Err(violation.clone());
            }
            if is_over {
                self.scene.checker.settle();
                return self.scene.checker.violation().cloned().map_or(Ok(()), Err);
            }
            if self.steps > MOST_STEPS {
                return Err(self.stuck("too much happens"));
            }
        }
    }

    // ---- Pauses. ----

    pub(crate) fn pause(&mut self, process: Process, pause: Duration) {
        let until = self.scene.now.after(pause);
        self.scene.note(Who::World, || {
            format!("{process:?} is stopped for {pause:?}")
        });
        let latest = self.paused.entry(process).or_default();
        *latest = until.max(*latest);
    }

    pub(crate) fn resume_all(&mut self) {
        self.paused.clear();
    }

    /// What happens to a stopped process happens when it goes on.
    fn is_deferred(&mut self, event: &Event) -> bool {
        let Some(process) = self.concerned(event) else {
            return false;
        };
        let until = self.paused.get(&process).copied();
        match until.filter(|until| *until > self.scene.now) {
            Some(until) => {
                self.scene.at(until, event.clone());
                true
            }
            None => false,
        }
    }

    /// The process that an event reaches, if it waits for the process to run.
    fn concerned(&self, event: &Event) -> Option<Process> {
        match event {
            Event::Due(process) => Some(*process),
            Event::Arrival { number, at }
            | Event::GiveUp {
                number, side: at, ..
            } => match at {
                Side::Server => Some(Process::Master),
                Side::Client => self.scene.network.peer_of(*number).map(Process::from),
            },
            Event::Dialled { peer, .. } => Some((*peer).into()),
            Event::Committed { .. } => Some(Process::Master),
            Event::Daemon { agent, .. }
            | Event::Runner {
                agent,
                what: OfRunner::Words,
                ..
            } => Some(Process::Agent(*agent)),
            Event::HeldBack { scheduler, .. } => Some(Process::Scheduler(*scheduler)),
            Event::Start(_)
            | Event::LinkMended { .. }
            | Event::Runner { .. }
            | Event::Trouble
            | Event::Calm
            | Event::Look => None,
        }
    }

    // ---- Trouble, and its end. ----

    fn trouble(&mut self) {
        if self.scene.is_calm {
            return;
        }
        let faults = self.scene.plan.faults.clone();
        if let Some(fault) = self.scene.random.pick(&faults) {
            self.faults += 1;
            faults::strike(self, fault);
        }
        let span = self.scene.plan.fault_pause;
        self.scene.sometime(span, Event::Trouble);
    }

    /// Whether all is well again. If it takes too long, something is wrong.
    fn look(&mut self) -> bool {
        let epoch = self.master.epoch();
        let is_well = self.scene.network.is_whole()
            && self.master.is_idle()
            && self
                .machines
                .iter()
                .all(|machine| machine.is_settled(epoch))
            && self.schedulers.iter().all(SchedulerProcess::is_settled);
        if !is_well && self.recovery() > WELL_WITHIN {
            let violation = self.stuck("all is not well after all that time");
            self.scene.checker.violated(violation.rule, violation.what);
        }
        self.scene.later(LOOK_EVERY, Event::Look);
        is_well
    }

    /// How long ago all trouble has ended; nothing if it has not.
    pub(crate) fn recovery(&self) -> Duration {
        if self.scene.is_calm {
            self.scene.now.since(self.calm_since)
        } else {
            Duration::ZERO
        }
    }

    fn stuck(&self, what: &str) -> Violation {
        let mut text = format!(
            "{what}; master: {:?}",
            self.master.view().map(|view| view.tasks)
        );
        for machine in &self.machines {
            text += &format!("\n  agent {}: {:?}", machine.index, machine.view());
        }
        for (index, scheduler) in self.schedulers.iter().enumerate() {
            text += &format!("\n  scheduler {index}: {}", scheduler.describe());
        }
        Violation {
            rule: Rule::Liveness,
            what: text,
        }
    }
}
