//! An agent's machine: its daemon, alive or not, its disk, and the runners that outlive a daemon.
//!
//! ```text
//!   master ◀─ network ─▶ daemon (core, driver) ◀─ sockets ─▶ runners ─ tasks
//!                           │ log: killed: written stays; power cut: synced stays
//!                           ▼
//!                          disk
//! ```
//!
//! Owns the machine and the lives of its daemon; `effects` carries out what the core says,
//! `supervise` looks after runners as the daemon does, `inside` is what happens in a runner, `log`
//! the disk. The driver keeps the contract that the core's first page states.

mod daemon;
mod effects;
mod inside;
mod log;
mod runner;
mod supervise;

use std::{collections::BTreeMap, time::Duration};

use stoker_agent_core::{Config, Limits, View, replay};
use stoker_types::{AgentId, Attributes, Epoch, IdGenerator, Resources, RunnerId, TaskKey};

pub(crate) use runner::Behaviour;

use crate::{
    checker::Cause,
    clock::Clock,
    events::{Event, OfDaemon, OfRunner, Process},
    moment::Moment,
    network::{self, Peer},
    random::Span,
    scene::Scene,
    trace::Who,
};
use daemon::Daemon;
use log::Disk;
use runner::Runner;

/// From the end of a daemon to the next one, and from a power cut to the next boot.
const DOWN: Span = Span::millis(20, 60_000);
const BOOT: Span = Span::millis(1_000, 90_000);

/// The machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) index: usize,
    resources: Resources,
    agent_id: AgentId,
    boot: u64,
    life: u64,
    clock: Clock,
    daemon: Option<Daemon>,
    disk: Disk,
    runners: BTreeMap<RunnerId, Runner>,
    /// Its disk is slow until then.
    pub(crate) slow_until: Moment,
}

impl Machine {
    pub(crate) fn new(scene: &mut Scene, index: usize) -> Self {
        let cpus = scene.random.between(1, 4);
        let resources = Resources {
            cpus: stoker_types::Milli::from_whole(cpus),
            mem: cpus << 30,
            disk: cpus << 30,
            fuel: stoker_types::Milli::from_whole(cpus * 5000),
            ..Resources::default()
        };
        Self {
            index,
            resources,
            agent_id: AgentId::from_bits(0),
            boot: 0,
            life: 0,
            clock: Clock::start(&mut scene.random),
            daemon: None,
            disk: Disk::default(),
            runners: BTreeMap::new(),
            slow_until: Moment::default(),
        }
    }

    const fn who(&self) -> Who {
        Who::Agent(self.index)
    }

    const fn process(&self) -> Process {
        Process::Agent(self.index)
    }

    const fn peer(&self) -> Peer {
        Peer::Agent(self.index)
    }

    // ---- What happens. ----

    fn of_daemon(&self, what: OfDaemon) -> Event {
        Event::Daemon {
            agent: self.index,
            life: self.life,
            what,
        }
    }

    const fn of_runner(&self, runner_id: RunnerId, what: OfRunner) -> Event {
        Event::Runner {
            agent: self.index,
            runner_id,
            what,
        }
    }

    /// Something happens in a life of the daemon, unless that is over.
    pub(crate) fn happen_in_daemon(&mut self, scene: &mut Scene, life: u64, what: OfDaemon) {
        if life != self.life || self.daemon.is_none() {
            return;
        }
        match what {
            OfDaemon::Dial => self.dial_again(scene),
            OfDaemon::HangUp { number } => self.hung_up(scene, number),
            OfDaemon::Logged => self.logged(scene),
            OfDaemon::Prepared { task, number } => self.prepared(scene, task, number),
            OfDaemon::Uploaded { task, number } => self.uploaded(scene, task, number),
            OfDaemon::Spawned { runner_id } => self.runner_spawned(scene, runner_id),
            OfDaemon::Overdue { runner_id } => self.runner_overdue(scene, runner_id),
        }
    }

    /// Something happens in or around a runner; in one that is stopped, it happens later.
    pub(crate) fn happen_in_runner(
        &mut self,
        scene: &mut Scene,
        runner_id: RunnerId,
        what: OfRunner,
    ) {
        let Some(runner) = self.runners.get(&runner_id) else {
            return;
        };
        let is_paused = runner.paused_until > scene.now;
        match what {
            OfRunner::Words => self.at_daemon(scene, runner_id),
            OfRunner::Orphaned { since } => self.orphaned(scene, runner_id, since),
            what if is_paused => scene.at(runner.paused_until, self.of_runner(runner_id, what)),
            OfRunner::Orders => self.at_runner(scene, runner_id),
            OfRunner::Step { task, step } => self.task_step(scene, runner_id, (task, step)),
        }
    }

    // ---- What can be seen from outside. ----

    pub(crate) fn view(&self) -> Option<View> {
        self.daemon.as_ref().map(|daemon| daemon.core.view())
    }

    /// Whether the master of this term has registered it and nothing is left to be done.
    pub(crate) fn is_settled(&self, epoch: Epoch) -> bool {
        let runs_something = self.runners.values().any(|runner| !runner.tasks.is_empty());
        let is_idle = self.view().is_some_and(|view| {
            view.epoch == Some(epoch) && view.tasks.is_empty() && !view.is_stopping
        });
        is_idle && !runs_something
    }

    pub(crate) fn live_runners(&self) -> Vec<RunnerId> {
        let alive = self.runners.values().filter(|runner| runner.is_alive);
        alive.map(|runner| runner.id).collect()
    }

    pub(crate) fn running_tasks(&self) -> Vec<TaskKey> {
        let tasks = self.runners.values().flat_map(|runner| runner.tasks.keys());
        tasks.cloned().collect()
    }

    // ---- The lives of its daemon. ----

    pub(crate) fn start(&mut self, scene: &mut Scene) {
        if self.daemon.is_some() {
            return;
        }
        self.life += 1;
        self.clock = Clock::start(&mut scene.random);
        let mut generator = IdGenerator::from_seed(scene.random.bits());
        let replayed = replay(self.disk.records.iter().cloned());
        self.agent_id = replayed.agent_id.unwrap_or_else(|| generator.agent_id());
        let config = self.config(scene);
        let recovered = replayed.recovered(self.agent_id, &config.boot_id);
        let (life, booted) = (self.life, recovered.machine_was_booted);
        let (tasks, agent_id) = (recovered.tasks.len(), self.agent_id);
        scene.note(self.who(), || {
            format!("starts as {agent_id}, life {life}, {tasks} tasks, booted: {booted}")
        });
        scene.checker.booted(agent_id, &config.boot_id);
        self.clear_strays(scene, &recovered);
        let mut effects = Vec::new();
        let now = self.clock.now(scene.now);
        let core = stoker_agent_core::Agent::new(
            config,
            generator.next_u64(),
            now,
            recovered,
            &mut effects,
        );
        self.daemon = Some(Daemon::new(core));
        self.carry_out(scene, effects);
        self.commit(scene);
        self.dial(scene);
        self.wake(scene);
    }

    fn config(&self, scene: &Scene) -> Config {
        let index = self.index;
        Config {
            hostname: format!("host-{index}"),
            resources: self.resources.clone(),
            attributes: Attributes::default(),
            version: "0.1.0".to_owned(),
            url: String::new(),
            hardening: stoker_types::Hardening::default(),
            boot_id: format!("boot-{index}-{}", self.boot),
            timeouts: scene.plan.agent.clone(),
            limits: Limits {
                tasks_per_runner: scene.plan.tasks_per_runner,
                ..Limits::default()
            },
        }
    }

    /// Ends the runners that the log does not know, as the daemon does at its start.
    fn clear_strays(&mut self, scene: &mut Scene, recovered: &stoker_agent_core::Recovered) {
        let known = |id: RunnerId| recovered.runners.iter().any(|runner| runner.id == id);
        let strays: Vec<RunnerId> = self
            .live_runners()
            .into_iter()
            .filter(|id| !known(*id))
            .collect();
        for runner_id in strays {
            let tasks = self.tasks_of(runner_id);
            scene.checker.runner_ended(runner_id, true, &tasks);
            self.runner_dies(scene, runner_id, Cause::Shutdown);
        }
    }

    fn tasks_of(&self, runner_id: RunnerId) -> Vec<TaskKey> {
        let runner = self.runners.get(&runner_id);
        runner.map_or_else(Vec::new, |runner| runner.tasks.keys().cloned().collect())
    }

    /// The daemon is killed; its runners go on.
    pub(crate) fn kill_daemon(&mut self, scene: &mut Scene) {
        if let Some(mut daemon) = self.daemon.take() {
            scene.note(self.who(), || "the daemon is killed".to_owned());
            daemon.writer.kill(&mut self.disk, &mut scene.random);
            self.daemon_is_gone(scene, false);
            scene.sometime(DOWN, Event::Start(self.process()));
        }
    }

    /// The daemon has ended as it should.
    fn daemon_exits(&mut self, scene: &mut Scene, ends_tasks: bool) {
        if let Some(mut daemon) = self.daemon.take() {
            scene.note(self.who(), || "the daemon has ended".to_owned());
            daemon.writer.close(&mut self.disk);
            if ends_tasks {
                for runner_id in self.live_runners() {
                    scene.checker.runner_lost(runner_id);
                    self.runner_dies(scene, runner_id, Cause::Shutdown);
                }
            }
            self.daemon_is_gone(scene, false);
            scene.sometime(DOWN, Event::Start(self.process()));
        }
    }

    /// The machine loses power, with all that runs on it.
    pub(crate) fn cut_power(&mut self, scene: &mut Scene) {
        scene.note(self.who(), || "the machine loses power".to_owned());
        if let Some(mut daemon) = self.daemon.take() {
            daemon.writer.kill(&mut self.disk, &mut scene.random);
        }
        self.disk.lose_power(&mut scene.random);
        self.boot += 1;
        for runner_id in self.live_runners() {
            scene.checker.runner_lost(runner_id);
            self.runner_dies(scene, runner_id, Cause::Loss);
        }
        self.daemon_is_gone(scene, true);
        self.runners.clear();
        scene.sometime(BOOT, Event::Start(self.process()));
    }

    /// No one is at the daemon's ends of its streams and sockets any more.
    fn daemon_is_gone(&mut self, scene: &mut Scene, machine_died: bool) {
        network::client_died(scene, self.peer(), machine_died);
        self.runners.retain(|_, runner| runner.is_alive);
        let (agent, now) = (self.index, scene.now);
        for runner in self.runners.values_mut() {
            runner.inbox.lose_tail(&mut scene.random);
            runner.outbox.clear();
            runner.daemon = None;
            runner.alone_since = now;
            let event = Event::Runner {
                agent,
                runner_id: runner.id,
                what: OfRunner::Orphaned { since: now },
            };
            let at = now.after(scene.plan.orphan_timeout);
            scene.queue.push(at, event);
        }
    }

    pub(crate) fn jump(&mut self, scene: &mut Scene, ahead: Duration) {
        self.clock.jump(ahead);
        if let Some(daemon) = &mut self.daemon {
            daemon.due.disarm();
        }
        self.wake(scene);
    }
}
