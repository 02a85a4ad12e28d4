//! The things to try on an agent, and the things that it does.

use std::time::Duration;

use stoker_agent_core::{
    Config, ConnectionId, Effect, Input, Limits, PrepareFailure, Prepared, Record, Recovered,
    Timeouts,
};
use stoker_types::{
    AgentId, Attributes, BlobForm, Digest, Epoch, FrameworkId, ModuleReference, OutputFile, Reason,
    Resources, Role, RunnerId, StatusUpdate, TaskInfo, TaskKey, TaskLimits, TaskState, Timestamp,
    UnknownImports, Usage,
    agent::{AgentCall, AgentEvent, AgentInfo, Launch},
    runner::{CompiledKey, Event, NumberedEvent, Outcome, Tenant, Welcome},
};

/// When everything begins.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_000_000_000);
pub(crate) const AGENT: AgentId = AgentId::from_bits(7);
pub(crate) const BOOT: &str = "boot-1";

pub(crate) fn config() -> Config {
    Config {
        hostname: "host-1".to_owned(),
        resources: resources("cpus=4;mem=4GiB;ports=31000-31009"),
        attributes: Attributes::default(),
        version: "0.1.0".to_owned(),
        url: "http://127.0.0.1:5051".to_owned(),
        hardening: stoker_types::Hardening::default(),
        boot_id: BOOT.to_owned(),
        timeouts: Timeouts::default(),
        limits: Limits::default(),
    }
}

pub(crate) fn resources(text: &str) -> Resources {
    text.parse().expect("resources")
}

pub(crate) const fn framework(number: u64) -> FrameworkId {
    FrameworkId::from_bits(number)
}

pub(crate) fn tenant(number: u64) -> Tenant {
    Tenant {
        framework_id: framework(number),
        role: Role::default(),
    }
}

/// The key of a task of the first framework.
pub(crate) fn key(name: &str) -> TaskKey {
    key_of(1, name)
}

pub(crate) fn key_of(framework_number: u64, name: &str) -> TaskKey {
    TaskKey {
        framework_id: framework(framework_number),
        task_id: name.parse().expect("a task id"),
    }
}

/// The launch of a small task of the first framework.
pub(crate) fn launch(name: &str) -> Launch {
    launch_of(1, name, "cpus=0.1;mem=1MiB")
}

pub(crate) fn launch_of(framework_number: u64, name: &str, allocated: &str) -> Launch {
    Launch {
        framework_id: framework(framework_number),
        role: Role::default(),
        task: TaskInfo {
            id: name.parse().expect("a task id"),
            name: String::new(),
            module: ModuleReference::Blob(Digest::of(b"module")),
            module_digest: None,
            resources: resources(allocated),
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        },
        allocated: resources(allocated),
    }
}

pub(crate) fn compiled() -> CompiledKey {
    CompiledKey::new(Digest::of(b"module"), UnknownImports::Refuse)
}

pub(crate) fn prepared(name: &str) -> Input {
    prepared_key(key(name))
}

pub(crate) fn prepared_key(task: TaskKey) -> Input {
    let result = Ok(Prepared {
        module: compiled(),
        stdin: None,
    });
    Input::Prepared {
        task,
        result,
        compile_time: Duration::ZERO,
    }
}

pub(crate) fn not_prepared(name: &str, reason: Reason) -> Input {
    let message = "why".to_owned();
    Input::Prepared {
        task: key(name),
        result: Err(PrepareFailure { reason, message }),
        compile_time: Duration::ZERO,
    }
}

pub(crate) fn welcome(runner_id: RunnerId) -> Welcome {
    Welcome {
        runner_id,
        pid: 100,
        protocol_version: stoker_types::runner::PROTOCOL_VERSION,
        tasks: Vec::new(),
        last_event: 0,
        slots: 1000,
    }
}

pub(crate) fn ready(runner_id: RunnerId) -> Input {
    Input::RunnerReady {
        welcome: welcome(runner_id),
    }
}

pub(crate) fn started(runner_id: RunnerId, number: u64, name: &str) -> Input {
    let event = Event::Started { task: key(name) };
    Input::Runner {
        runner_id,
        event: NumberedEvent { number, event },
    }
}

pub(crate) fn ended(runner_id: RunnerId, number: u64, name: &str, outcome: Outcome) -> Input {
    let event = Event::Ended {
        task: key(name),
        outcome,
        usage: usage(),
    };
    Input::Runner {
        runner_id,
        event: NumberedEvent { number, event },
    }
}

pub(crate) const EXITED: Outcome = Outcome::Exited { code: 0 };

pub(crate) fn lost(runner_id: RunnerId, message: &str) -> Input {
    Input::RunnerLost {
        runner_id,
        message: message.to_owned(),
    }
}

/// What every task of these tests has used when it ends.
pub(crate) fn usage() -> Usage {
    Usage {
        fuel_used: 1000,
        cpu_time: Duration::from_millis(3),
        mem_peak: 65_536,
        wall_time: Duration::from_millis(5),
        ..Usage::default()
    }
}

/// An update as the agent makes it: number, state, no reason, at the start of time.
pub(crate) fn update(name: &str, number: u64, state: TaskState) -> StatusUpdate {
    StatusUpdate {
        task: key(name),
        agent_id: Some(AGENT),
        number,
        state,
        reason: None,
        message: String::new(),
        exit_code: None,
        usage: Usage::default(),
        outputs: Vec::new(),
        at: START,
    }
}

pub(crate) fn because(update: StatusUpdate, reason: Reason, message: &str) -> StatusUpdate {
    StatusUpdate {
        reason: Some(reason),
        message: message.to_owned(),
        ..update
    }
}

/// The last update of a task that exited with 0.
pub(crate) fn finished(name: &str, number: u64) -> StatusUpdate {
    StatusUpdate {
        exit_code: Some(0),
        usage: usage(),
        ..update(name, number, TaskState::Finished)
    }
}

/// Where a task with an output leaves it.
pub(crate) const OUTPUT: &str = "out/words";

/// What becomes of it.
pub(crate) fn outputs() -> Vec<OutputFile> {
    vec![OutputFile {
        path: OUTPUT.to_owned(),
        form: BlobForm::File,
        digest: Digest::of(b"words"),
        size: 5,
        content: Some(b"words".to_vec()),
    }]
}

pub(crate) fn of_event(update: StatusUpdate, runner_id: RunnerId, event: u64) -> Record {
    Record::Update {
        update: Box::new(update),
        runner_event: Some((runner_id, event)),
    }
}

pub(crate) fn record(update: StatusUpdate) -> Record {
    Record::Update {
        update: Box::new(update),
        runner_event: None,
    }
}

/// A record to be written. (The rig checks the numbers, and shows them as 0.)
pub(crate) fn persist(record: Record) -> Effect {
    Effect::Persist {
        sequence: 0,
        durability: record.durability(),
        record,
    }
}

pub(crate) fn prepare(name: &str) -> Effect {
    Effect::Prepare {
        task: key(name),
        launch: Box::new(launch(name)),
    }
}

pub(crate) fn run(runner_id: RunnerId, name: &str) -> Effect {
    Effect::Launch {
        runner_id,
        launch: Box::new(launch(name)),
        module: compiled(),
        stdin: None,
    }
}

pub(crate) fn call(connection: u64, call: AgentCall) -> Effect {
    Effect::ToMaster {
        connection: ConnectionId(connection),
        call,
    }
}

/// An update on the first stream.
pub(crate) fn told(update: StatusUpdate) -> Effect {
    call(1, AgentCall::Update(update))
}

pub(crate) fn introduction() -> AgentCall {
    let config = config();
    AgentCall::Register {
        agent: AgentInfo {
            id: AGENT,
            hostname: config.hostname,
            resources: config.resources,
            attributes: config.attributes,
            version: config.version,
            url: config.url,
            hardening: config.hardening,
        },
        boot_id: config.boot_id,
    }
}

pub(crate) fn empty_log() -> Recovered {
    stoker_agent_core::replay([]).recovered(AGENT, BOOT)
}

/// Who the agent is, as each start writes it.
pub(crate) fn identity() -> Record {
    Record::Identity {
        agent_id: AGENT,
        boot_id: BOOT.to_owned(),
    }
}

pub(crate) fn connected(connection: u64) -> Input {
    Input::Connected {
        connection: ConnectionId(connection),
    }
}

pub(crate) fn disconnected(connection: u64) -> Input {
    Input::Disconnected {
        connection: ConnectionId(connection),
    }
}

pub(crate) fn from_master(connection: u64, epoch: u64, event: AgentEvent) -> Input {
    Input::Master {
        connection: ConnectionId(connection),
        epoch: Epoch::new(epoch),
        event,
    }
}

pub(crate) fn admitted(connection: u64, epoch: u64) -> Input {
    let event = AgentEvent::Registered {
        agent_id: AGENT,
        epoch: Epoch::new(epoch),
    };
    from_master(connection, epoch, event)
}

/// The start of a runner, as the agent asks for it: its id and its nonce.
pub(crate) fn start_of(effects: &[Effect]) -> (RunnerId, u64) {
    let start = effects.iter().find_map(|effect| match effect {
        Effect::Persist {
            record: Record::RunnerStarted {
                runner_id, nonce, ..
            },
            ..
        } => Some((*runner_id, *nonce)),
        _ => None,
    });
    start.unwrap_or_else(|| panic!("no runner is started: {effects:?}"))
}
