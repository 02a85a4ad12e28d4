//! A small cruel world around one agent: a disk that is slow, runners that die, a master that
//! leaves, a daemon that is killed, a machine that loses power. It checks what must hold always.

mod driver;
mod effects;
mod heal;
mod master;
mod runners;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stoker_agent_core::{Agent, Config, ConnectionId, Input, Record, replay};
use stoker_types::{
    FrameworkId, IdGenerator, Reason, RunnerId, StatusUpdate, TaskKey, TaskState, Timestamp,
    agent::AgentEvent,
    runner::{Event, NumberedEvent, Tenant},
};

use crate::support::{AGENT, START, config, launch_of};

/// What the master knows of a task.
#[derive(Debug, Default)]
struct Known {
    /// By number; one number never says two things.
    updates: BTreeMap<u64, StatusUpdate>,
    /// The agent said by its registration that it does not have it.
    is_gone: bool,
    /// A power cut may have taken updates.
    may_skip: bool,
}

impl Known {
    fn state(&self) -> Option<TaskState> {
        self.updates.values().next_back().map(|update| update.state)
    }

    fn is_over(&self) -> bool {
        self.is_gone || self.state().is_some_and(TaskState::is_terminal)
    }
}

/// An order on its way to a runner.
#[derive(Clone, Debug)]
enum Order {
    Launch(TaskKey),
    Kill(TaskKey),
    Confirm(u64),
}

/// A runner process.
#[derive(Debug)]
struct Process {
    nonce: u64,
    tenant: Tenant,
    /// Whether the present daemon knows that it is there.
    has_answered: bool,
    inbox: VecDeque<Order>,
    tasks: BTreeSet<TaskKey>,
    /// The events that are not confirmed.
    events: VecDeque<NumberedEvent>,
    last_event: u64,
    /// The events up to this one were delivered to the present daemon.
    delivered: u64,
}

pub(crate) struct World {
    agent: Agent,
    now: Timestamp,
    random: IdGenerator,
    boot: u64,
    /// What is on the disk, and how much of it would survive a power cut.
    disk: Vec<Record>,
    synced: usize,
    /// What is on its way to the disk.
    unwritten: VecDeque<(u64, Record)>,
    /// The latest record that is written, if the agent has not heard that all up to it are synced.
    unanswered: Option<u64>,
    connection: Option<ConnectionId>,
    last_connection: u64,
    is_admitted: bool,
    told: BTreeSet<TaskKey>,
    has_told_all: bool,
    epoch: u64,
    runners: BTreeMap<RunnerId, Process>,
    /// Runners whose death the daemon has not heard of.
    deaths: VecDeque<RunnerId>,
    preparing: BTreeSet<TaskKey>,
    uploading: BTreeSet<TaskKey>,
    tasks: BTreeMap<TaskKey, Known>,
    /// The tasks that leave an output.
    with_outputs: BTreeSet<TaskKey>,
    removed: BTreeSet<FrameworkId>,
    executions: BTreeMap<TaskKey, u32>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut effects = Vec::new();
        let recovered = replay([]).recovered(AGENT, "boot-0");
        let agent = Agent::new(config_of(0), seed, START, recovered, &mut effects);
        let mut world = Self {
            agent,
            now: START,
            random: IdGenerator::from_seed(seed),
            boot: 0,
            disk: Vec::new(),
            synced: 0,
            unwritten: VecDeque::new(),
            unanswered: None,
            connection: None,
            last_connection: 0,
            is_admitted: false,
            told: BTreeSet::new(),
            has_told_all: false,
            epoch: 1,
            runners: BTreeMap::new(),
            deaths: VecDeque::new(),
            preparing: BTreeSet::new(),
            uploading: BTreeSet::new(),
            tasks: BTreeMap::new(),
            with_outputs: BTreeSet::new(),
            removed: BTreeSet::new(),
            executions: BTreeMap::new(),
        };
        world.carry_out(effects);
        world
    }

    fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.agent.handle(self.now, input, &mut effects);
        self.agent.check_invariants();
        self.carry_out(effects);
    }
}

/// What may happen. Numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    Launch { framework: u8 },
    LaunchAgain(u8),
    Kill(u8),
    Acknowledge(u8),
    AcknowledgeNonsense(u8, u8),
    Resend(u8),
    Shutdown(u8),
    Written(u8),
    Prepared(u8),
    NotPrepared(u8),
    Preparing(u8, bool),
    Uploaded(u8, bool),
    RunnerAnswers(u8),
    RunnerDies(u8),
    DeathIsHeard,
    RunnerObeys(u8),
    TaskEnds(u8, bool),
    EventComes(u8),
    EventComesAgain(u8),
    ForeignEvent(u8, u8),
    Connects,
    Disconnects,
    Admits,
    Deposed,
    NewMaster,
    Waits(u16),
    Works(u8),
    DaemonDies(u8),
    PowerFails(u8),
    Compacts,
}

impl World {
    pub(crate) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Launch { framework } => self.launch(u64::from(framework % 3) + 1),
            Happening::LaunchAgain(n) => self.with_task(n, |task| {
                let number = task.framework_id.bits();
                let launch = launch_of(number, task.task_id.as_str(), "cpus=0.1;mem=1MiB");
                AgentEvent::Launch(Box::new(launch))
            }),
            Happening::Kill(n) => self.with_task(n, |task| AgentEvent::Kill {
                task,
                reason: Reason::KillRequested,
                grace: None,
            }),
            Happening::Acknowledge(n) => self.acknowledge(n),
            Happening::AcknowledgeNonsense(n, number) => {
                self.acknowledge_nonsense(n, u64::from(number));
            }
            Happening::Resend(n) => self.master(AgentEvent::ResendUpdates {
                framework_id: FrameworkId::from_bits(u64::from(n % 4)),
            }),
            // Rare: it is for ever.
            Happening::Shutdown(n) if n > 20 => {}
            Happening::Shutdown(n) => self.shutdown(FrameworkId::from_bits(u64::from(n % 3) + 1)),
            // The sync may take its time.
            Happening::Written(n) if n % 2 == 1 => self.written(usize::from(n)),
            Happening::Written(n) => {
                self.written(usize::from(n));
                self.synced();
            }
            Happening::Prepared(n) => self.prepared(n, true),
            Happening::NotPrepared(n) => self.prepared(n, false),
            Happening::Preparing(n, is_compiling) => self.preparing(n, is_compiling),
            Happening::Uploaded(n, is_well) => self.uploaded(n, is_well),
            Happening::RunnerAnswers(n) => self.runner_answers(n),
            Happening::RunnerDies(n) => {
                if let Some(runner_id) = self.runner(n) {
                    self.runner_dies(runner_id);
                }
            }
            Happening::DeathIsHeard => self.death_is_heard(),
            Happening::RunnerObeys(n) => self.runner_obeys(n),
            Happening::TaskEnds(n, is_well) => self.task_ends(n, is_well),
            Happening::EventComes(n) => self.event_comes(n),
            Happening::EventComesAgain(n) => self.event_comes_again(n),
            Happening::ForeignEvent(n, task) => self.foreign_event(n, task),
            Happening::Connects => self.connect(),
            Happening::Disconnects => self.disconnect(),
            Happening::Admits => self.admit(),
            Happening::Deposed => self.deposed(),
            Happening::NewMaster => {
                self.disconnect();
                self.epoch += 1;
            }
            Happening::Works(n) => self.work(n),
            Happening::Waits(ms) => self.wait(u64::from(ms)),
            Happening::DaemonDies(n) => self.daemon_dies(n, false),
            Happening::PowerFails(n) => self.daemon_dies(n, true),
            Happening::Compacts => self.compact(),
        }
    }
}

impl Process {
    /// Whether it has a task, or gets one.
    pub(super) fn is_busy(&self) -> bool {
        let is_launch = |order: &Order| matches!(order, Order::Launch(_));
        !self.tasks.is_empty() || self.inbox.iter().any(is_launch)
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.last_event += 1;
        self.events.push_back(NumberedEvent {
            number: self.last_event,
            event,
        });
    }
}

fn config_of(boot: u64) -> Config {
    let mut config = config();
    config.boot_id = format!("boot-{boot}");
    // Few, so that a tenant often needs another runner.
    config.limits.tasks_per_runner = 2;
    config
}
