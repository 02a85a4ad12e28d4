//! A master under test, and builders for everything that is put into it.

use std::time::Duration;

use stoker_master_core::{
    Change, Config, ConnectionId, Effect, Input, Master, OperatorCommand, Recovered, RequestId,
};
use stoker_types::{
    AgentId, Attributes, Digest, Epoch, FrameworkId, FrameworkInfo, ModuleReference, OfferFilter,
    OfferId, Reason, Role, StatusUpdate, TaskId, TaskInfo, TaskKey, TaskLimits, TaskState,
    Timestamp, Usage,
    agent::{AgentCall, AgentInfo, Launch, TaskSnapshot},
    scheduler::{Call, NumberedCall, Operation},
};

use super::render::Names;

/// When every test starts, in microseconds: times are counted from here.
pub(crate) const START: u64 = 1_000_000_000;

/// What `agent` sells unless told.
pub(crate) const SOLD: &str = "cpus=4;mem=4GiB;fuel=20000";

/// A master, its time, and the names of what it made.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) master: Master,
    pub(crate) now: Timestamp,
    pub(crate) names: Names,
    /// Everything that readers were shown since the last look.
    shown: Vec<String>,
    changes: Vec<Change>,
    last_call: u64,
    last_persist: u64,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Recovered::default()).0
    }

    /// A master of epoch 1 with what the registry holds, and what it wants at its start.
    pub(crate) fn with(config: Config, recovered: Recovered) -> (Self, Vec<String>) {
        let now = Timestamp::from_micros(START);
        let mut effects = Vec::new();
        let master = Master::new(config, Epoch::new(1), 7, now, recovered, &mut effects);
        let mut fixture = Self {
            master,
            now,
            names: Names::default(),
            shown: Vec::new(),
            changes: Vec::new(),
            last_call: 0,
            last_persist: 0,
        };
        let lines = fixture.take(&effects);
        (fixture, lines)
    }

    /// One input; all that follows but what readers see, which is kept for [`Self::shown`].
    pub(crate) fn input(&mut self, input: Input) -> Vec<String> {
        let mut effects = Vec::new();
        self.master.handle(self.now, input, &mut effects);
        self.master.check_invariants();
        self.take(&effects)
    }

    fn take(&mut self, effects: &[Effect]) -> Vec<String> {
        let mut told = Vec::new();
        for effect in effects {
            let line = self.names.effect(effect);
            match effect {
                Effect::Changed(change) => {
                    self.shown.push(line);
                    self.changes.push(change.clone());
                }
                Effect::Persist { sequence, .. } => {
                    self.last_persist = *sequence;
                    told.push(line);
                }
                Effect::ToScheduler { .. }
                | Effect::ToAgent { .. }
                | Effect::Disconnect { .. }
                | Effect::Reply { .. } => told.push(line),
            }
        }
        told
    }

    /// What readers were shown since the last look.
    pub(crate) fn shown(&mut self) -> Vec<String> {
        self.changes.clear();
        std::mem::take(&mut self.shown)
    }

    /// The same, as it is.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        self.shown.clear();
        std::mem::take(&mut self.changes)
    }

    // ---- Time. ----

    /// Time passes; nothing is said.
    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    /// Time passes up to `duration`, with a tick whenever one is wanted.
    pub(crate) fn pass(&mut self, duration: Duration) -> Vec<String> {
        let end = self.now.after(duration);
        let mut told = Vec::new();
        while let Some(deadline) = self.master.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            told.extend(self.input(Input::Tick));
        }
        self.now = end;
        told
    }

    /// Up to the next deadline, which must be `duration` away, and its tick.
    pub(crate) fn tick_after(&mut self, duration: Duration) -> Vec<String> {
        let deadline = self.master.deadline().expect("something is due");
        assert_eq!(deadline.since(self.now), duration, "the next deadline");
        self.now = deadline;
        self.input(Input::Tick)
    }

    /// The registry confirms all that was written.
    pub(crate) fn persisted(&mut self) -> Vec<String> {
        let sequence = self.last_persist;
        self.input(Input::Persisted { sequence })
    }

    // ---- Schedulers. ----

    pub(crate) fn call(&mut self, stream: u64, call: Call) -> Vec<String> {
        self.last_call += 1;
        let call_id = self.last_call;
        self.input(Input::Scheduler {
            connection: ConnectionId(stream),
            call: NumberedCall { call_id, call },
        })
    }

    pub(crate) fn scheduler_gone(&mut self, stream: u64) -> Vec<String> {
        let connection = ConnectionId(stream);
        self.input(Input::SchedulerDisconnected { connection })
    }

    /// A framework of role `default`, subscribed and confirmed; nothing is kept of what was shown.
    pub(crate) fn subscribed(&mut self, stream: u64) -> FrameworkId {
        self.call(stream, subscribe(framework_info(), None));
        self.persisted();
        self.shown();
        self.names.last()
    }

    // ---- Agents. ----

    pub(crate) fn agent(&mut self, stream: u64, call: AgentCall) -> Vec<String> {
        self.input(Input::Agent {
            connection: ConnectionId(stream),
            call,
        })
    }

    pub(crate) fn agent_gone(&mut self, stream: u64) -> Vec<String> {
        let connection = ConnectionId(stream);
        self.input(Input::AgentDisconnected { connection })
    }

    /// Agent `number` registers on `stream` and tells these tasks; the registry confirms.
    pub(crate) fn registered(
        &mut self,
        stream: u64,
        number: u64,
        tasks: Vec<TaskSnapshot>,
    ) -> Vec<String> {
        let mut told = self.agent(stream, register(number));
        told.extend(self.agent(stream, snapshot(tasks)));
        told.extend(self.persisted());
        told
    }

    // ---- Operators. ----

    pub(crate) fn operator(&mut self, request: u64, command: OperatorCommand) -> Vec<String> {
        let request = RequestId(request);
        self.input(Input::Operator { request, command })
    }
}

/// `framework 1` subscribed on stream 1, agent 1 registered on stream 11, its offer made:
/// offer-1-1.
pub(crate) fn cluster() -> (Fixture, FrameworkId) {
    let mut fixture = Fixture::new();
    let framework_id = fixture.subscribed(1);
    fixture.registered(11, 1, Vec::new());
    fixture.shown();
    // The next allocation does not have to wait.
    fixture.wait(Duration::from_millis(10));
    (fixture, framework_id)
}

/// The same, with task `t` launched for one cpu and one GiB, and the rest declined for an hour.
pub(crate) fn with_task() -> (Fixture, FrameworkId) {
    let (mut fixture, framework_id) = cluster();
    fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    fixture.shown();
    fixture.wait(Duration::from_millis(10));
    (fixture, framework_id)
}

/// The same, with the task's first update, RUNNING.
pub(crate) fn with_running_task() -> (Fixture, FrameworkId) {
    let (mut fixture, framework_id) = with_task();
    fixture.agent(11, update(framework_id, "t", 1, TaskState::Running));
    fixture.shown();
    (fixture, framework_id)
}

pub(crate) const HOUR: OfferFilter = OfferFilter {
    refuse: Duration::from_secs(3600),
};

pub(crate) const NO_FILTER: OfferFilter = OfferFilter {
    refuse: Duration::ZERO,
};

pub(crate) fn framework_info() -> FrameworkInfo {
    FrameworkInfo {
        name: "words".to_owned(),
        principal: "ann".to_owned(),
        roles: vec![Role::default()],
        failover_timeout: FrameworkInfo::DEFAULT_FAILOVER_TIMEOUT,
    }
}

/// A framework that ends with its stream.
pub(crate) fn ephemeral_info() -> FrameworkInfo {
    FrameworkInfo {
        failover_timeout: Duration::ZERO,
        ..framework_info()
    }
}

pub(crate) fn subscribe(framework: FrameworkInfo, framework_id: Option<FrameworkId>) -> Call {
    Call::Subscribe {
        framework,
        framework_id,
        suppressed_roles: Vec::new(),
    }
}

pub(crate) const fn offer_id(number: u64) -> OfferId {
    OfferId {
        epoch: Epoch::new(1),
        number,
    }
}

fn offer_ids(numbers: &[u64]) -> Vec<OfferId> {
    numbers.iter().copied().map(offer_id).collect()
}

pub(crate) fn accept(offers: &[u64], tasks: Vec<TaskInfo>, filter: OfferFilter) -> Call {
    Call::Accept {
        offer_ids: offer_ids(offers),
        operations: vec![Operation::Launch { tasks }],
        filter,
    }
}

pub(crate) fn decline(offers: &[u64], filter: OfferFilter) -> Call {
    let offer_ids = offer_ids(offers);
    Call::Decline { offer_ids, filter }
}

pub(crate) fn role(name: &str) -> Role {
    name.parse().unwrap()
}

pub(crate) fn task_id(text: &str) -> TaskId {
    text.parse().unwrap()
}

pub(crate) fn key(framework_id: FrameworkId, task: &str) -> TaskKey {
    TaskKey {
        framework_id,
        task_id: task_id(task),
    }
}

/// A task of one cpu and one GiB.
pub(crate) fn task(id: &str) -> TaskInfo {
    task_of(id, "cpus=1;mem=1GiB")
}

pub(crate) fn task_of(id: &str, resources: &str) -> TaskInfo {
    TaskInfo {
        id: task_id(id),
        name: String::new(),
        module: ModuleReference::Blob(Digest::from_bytes([7; 32])),
        module_digest: None,
        resources: resources.parse().unwrap(),
        arguments: Vec::new(),
        program_name: String::new(),
        environment: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        limits: TaskLimits::default(),
    }
}

pub(crate) fn agent_id(number: u64) -> AgentId {
    AgentId::from_bits(number)
}

pub(crate) fn agent_info(number: u64) -> AgentInfo {
    AgentInfo {
        id: agent_id(number),
        hostname: format!("host-{number}"),
        resources: SOLD.parse().unwrap(),
        attributes: Attributes::default(),
        version: "0.1.0".to_owned(),
        url: format!("http://127.0.0.1:{number}"),
        hardening: stoker_types::Hardening::default(),
    }
}

pub(crate) fn register(number: u64) -> AgentCall {
    register_as(agent_info(number))
}

pub(crate) fn register_as(agent: AgentInfo) -> AgentCall {
    AgentCall::Register {
        agent,
        boot_id: "boot-1".to_owned(),
    }
}

pub(crate) const fn snapshot(tasks: Vec<TaskSnapshot>) -> AgentCall {
    AgentCall::Snapshot { tasks, last: true }
}

/// A task as its agent tells it: in `state`, its updates up to `latest` made and up to
/// `acknowledged` acknowledged.
pub(crate) fn told(
    framework_id: FrameworkId,
    id: &str,
    state: TaskState,
    (latest, acknowledged): (u64, u64),
) -> TaskSnapshot {
    let task = task(id);
    let mut allocated = task.resources.clone();
    allocated.fuel = "5000".parse().unwrap();
    TaskSnapshot {
        launch: Launch {
            framework_id,
            role: Role::default(),
            task,
            allocated,
        },
        state,
        reason: None,
        latest_number: latest,
        acknowledged_number: acknowledged,
        usage: Usage::default(),
    }
}

pub(crate) fn status(
    framework_id: FrameworkId,
    id: &str,
    number: u64,
    state: TaskState,
) -> StatusUpdate {
    StatusUpdate {
        task: key(framework_id, id),
        agent_id: None,
        number,
        state,
        reason: None,
        message: String::new(),
        exit_code: None,
        usage: Usage::default(),
        outputs: Vec::new(),
        at: Timestamp::from_micros(START),
    }
}

pub(crate) fn update(
    framework_id: FrameworkId,
    id: &str,
    number: u64,
    state: TaskState,
) -> AgentCall {
    AgentCall::Update(status(framework_id, id, number, state))
}

pub(crate) fn failed(framework_id: FrameworkId, id: &str, number: u64) -> AgentCall {
    AgentCall::Update(StatusUpdate {
        reason: Some(Reason::ExitCode),
        exit_code: Some(3),
        message: "it exited with 3".to_owned(),
        ..status(framework_id, id, number, TaskState::Failed)
    })
}

pub(crate) fn acknowledge(agent: u64, task: &str, number: u64) -> Call {
    Call::Acknowledge {
        agent_id: agent_id(agent),
        task_id: task_id(task),
        number,
    }
}
