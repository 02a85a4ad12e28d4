//! Every bound of the wire, one step past it: what the peer is told.

use std::fmt::Write as _;

use stoker_proto::{
    convert::{ConvertError, scheduler},
    v1::{self, scheduler_call as wire},
};
use stoker_types::{
    FrameworkInfo, OfferFilter, StatusUpdate, TaskInfo,
    agent::{AgentCall, AgentInfo},
    scheduler::{Call, NumberedCall, Operation},
};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn task() -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: "map-1".into(),
        module: format!("blob:{DIGEST}"),
        ..v1::TaskInfo::default()
    }
}

fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        name: "wordcount".into(),
        roles: vec!["default".into()],
        ..v1::FrameworkInfo::default()
    }
}

fn agent() -> v1::AgentInfo {
    v1::AgentInfo {
        agent_id: "agent-aaaaaaaaaaaaa".into(),
        hostname: "host".into(),
        ..v1::AgentInfo::default()
    }
}

fn variable(name: &str, value: &str) -> v1::EnvironmentVariable {
    v1::EnvironmentVariable {
        name: name.into(),
        value: value.into(),
    }
}

/// What each change to a valid value is answered by, a line each.
fn answers<D, W>(valid: impl Fn() -> W, changes: &[fn(&mut W)]) -> String
where
    D: TryFrom<W, Error = ConvertError> + std::fmt::Debug,
{
    D::try_from(valid()).unwrap();
    let mut lines = String::new();
    for change in changes {
        let mut value = valid();
        change(&mut value);
        writeln!(lines, "{}", D::try_from(value).unwrap_err()).unwrap();
    }
    lines
}

#[test]
fn a_task() {
    let lines = answers::<TaskInfo, _>(
        task,
        &[
            |task| task.task_id = "a/b".into(),
            |task| task.name = "x".repeat(257),
            |task| task.name = "two\nlines".into(),
            |task| task.module = "hello.wasm".into(),
            |task| task.module_digest = "sha256:00".into(),
            |task| task.arguments = vec![String::new(); 1025],
            |task| task.arguments = vec!["x".repeat(32 * 1024 + 1)],
            |task| task.arguments = vec!["a".into(), "zero\0byte".into()],
            |task| task.program_name = "\0".into(),
            |task| task.environment = vec![variable("A=B", "")],
            |task| task.environment = vec![variable("", "")],
            |task| task.environment = vec![variable("A", ""), variable("STOKER_ROLE", "")],
            |task| task.environment = vec![variable("A", "zero\0byte")],
            |task| task.stdin = "stdin.txt".into(),
            |task| task.outputs = vec!["x".into(); 1025],
            |task| {
                task.inputs = vec![v1::Input {
                    blob: DIGEST.into(),
                    path: "a".into(),
                    form: 3,
                    ..v1::Input::default()
                }];
            },
            |task| task.outputs = vec!["x".repeat(1000); 300],
            |task| {
                task.limits = Some(v1::TaskLimits {
                    unknown_imports: 9,
                    ..v1::TaskLimits::default()
                });
            },
        ],
    );
    insta::assert_snapshot!(lines, @r#"
    task_id: "a/b" is no task id: 1 to 128 characters of A-Z a-z 0-9 . _ : -, not starting with a dot
    name: is 257 bytes long; write at most 256
    name: "two\nlines" holds a control character; write plain text on one line
    module: "hello.wasm" is no module reference: write blob:sha256:… or file:/absolute/path
    module_digest: "sha256:00" is no digest: write sha256: and 64 hexadecimal digits
    arguments: holds 1025 entries; send at most 1024
    the arguments and the environment are 32769 bytes long; pass at most 32768 bytes, and larger input as stdin or inputs
    arguments[1]: holds a zero byte; write a text without zero bytes
    program_name: holds a zero byte; write a text without zero bytes
    environment[0].name: "A=B" holds "="; write a name without = and zero bytes
    environment[0].name: is empty; write a name without = and zero bytes
    environment[1].name: "STOKER_ROLE" is a variable that Stoker sets; write a name that does not start with STOKER_
    environment[0].value: holds a zero byte; write a text without zero bytes
    stdin: "stdin.txt" is no digest: write sha256: and 64 hexadecimal digits
    outputs: holds 1025 entries; send at most 1024
    inputs[0].form: 3 is no form of a blob that this version knows; send one of its named values
    is 300985 bytes long; write at most 262144
    limits.unknown_imports: 9 is no treatment of unknown imports that this version knows; send one of its named values
    "#);
}

#[test]
fn resources() {
    let range = |first, last| v1::Resources {
        ports: vec![v1::PortRange { first, last }],
        ..v1::Resources::default()
    };
    let custom = |names: &[&str]| v1::Resources {
        custom_milli: names.iter().map(|name| ((*name).to_owned(), 1)).collect(),
        ..v1::Resources::default()
    };
    let many: Vec<String> = (0..65).map(|number| format!("x{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut lines = String::new();
    for wrong in [
        range(0, 1),
        range(2, 1),
        range(1, 65_536),
        custom(&["GPU"]),
        custom(&["cpus"]),
        custom(&many),
        v1::Resources {
            ports: vec![v1::PortRange { first: 1, last: 1 }; 1025],
            ..v1::Resources::default()
        },
    ] {
        let mut task = task();
        task.resources = Some(wrong);
        writeln!(lines, "{}", TaskInfo::try_from(task).unwrap_err()).unwrap();
    }
    insta::assert_snapshot!(lines, @r#"
    resources.ports[0]: 0-1 are no ports; write a first and a last port of 1 to 65535, the last not below the first
    resources.ports[0]: 2-1 are no ports; write a first and a last port of 1 to 65535, the last not below the first
    resources.ports[0]: 1-65536 are no ports; write a first and a last port of 1 to 65535, the last not below the first
    resources.custom_milli: "GPU" is no name for a custom resource; write a-z, then a-z 0-9 _ -, at most 64 of them, and no resource that has a field of its own
    resources.custom_milli: "cpus" is no name for a custom resource; write a-z, then a-z 0-9 _ -, at most 64 of them, and no resource that has a field of its own
    resources.custom_milli: holds 65 entries; send at most 64
    resources.ports: holds 1025 entries; send at most 1024
    "#);
}

#[test]
fn a_framework() {
    let lines = answers::<FrameworkInfo, _>(
        framework,
        &[
            |framework| framework.name = String::new(),
            |framework| framework.name = "bell\u{7}".into(),
            |framework| framework.principal = "x".repeat(257),
            |framework| framework.roles = Vec::new(),
            |framework| framework.roles = vec!["a".into(), "a".into()],
            |framework| framework.roles = vec!["default".into(), "Upper".into()],
            |framework| framework.roles = (0..65).map(|number| number.to_string()).collect(),
            |framework| framework.failover_timeout_ms = 365 * 24 * 3600 * 1000 + 1,
        ],
    );
    insta::assert_snapshot!(lines, @r#"
    name: is empty; write 1 to 256 bytes
    name: "bell\u{7}" holds a control character; write plain text on one line
    principal: is 257 bytes long; write at most 256
    roles: is empty; name 1 to 64 roles, each once
    roles: names "a" twice; name 1 to 64 roles, each once
    roles[1]: "Upper" is no role: one to 128 characters, segments of a-z 0-9 _ . - joined by /
    roles: holds 65 entries; send at most 64
    failover_timeout_ms: 31536000001 ms is too long; write at most 365 days
    "#);
}

#[test]
fn an_agent() {
    let lines = answers::<AgentInfo, _>(
        agent,
        &[
            |agent| agent.agent_id = String::new(),
            |agent| agent.hostname = String::new(),
            |agent| agent.attributes = [("Rack".to_owned(), "a".to_owned())].into(),
            |agent| agent.version = "x".repeat(257),
        ],
    );
    insta::assert_snapshot!(lines, @r#"
    agent_id: "" is no agent id: agent- and 13 of a-z2-7
    hostname: is empty; write 1 to 256 bytes
    attributes: "Rack=a" is no attribute: write NAME=VALUE;…, as in rack=a;zone=z1 (at most 64, values up to 256 characters)
    version: is 257 bytes long; write at most 256
    "#);
}

#[test]
fn an_update() {
    let output = |path: &str, bytes: usize| v1::OutputFile {
        path: path.into(),
        digest: DIGEST.into(),
        size: 0,
        content: Some(vec![0; bytes]),
        form: 0,
    };
    let valid = || v1::StatusUpdate {
        task: Some(v1::TaskKey {
            framework_id: "framework-aaaaaaaaaaaaa".into(),
            task_id: "map-1".into(),
        }),
        state: v1::TaskState::TaskRunning.into(),
        ..v1::StatusUpdate::default()
    };
    let mut lines = answers::<StatusUpdate, _>(
        valid,
        &[
            |update| update.task = None,
            |update| update.agent_id = "agent-1".into(),
            |update| update.state = 0,
            |update| update.state = 99,
            |update| update.reason = -1,
        ],
    );
    for wrong in [output("a/..", 1), output("a", 4097)] {
        let mut update = valid();
        update.outputs = vec![wrong];
        writeln!(lines, "{}", StatusUpdate::try_from(update).unwrap_err()).unwrap();
    }
    insta::assert_snapshot!(lines, @r#"
    task: is missing, or of a kind that this version does not know
    agent_id: "agent-1" is no agent id: agent- and 13 of a-z2-7
    state: is not set; send one of its named values
    state: 99 is no task state that this version knows; send one of its named values
    reason: -1 is no reason that this version knows; send one of its named values
    outputs[0].path: "a/.." is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    outputs[0].content: is 4097 bytes long; write at most 4096
    "#);
}

/// What the master says to one call.
fn answer(call: wire::Call) -> String {
    let call = v1::SchedulerCall {
        call_id: 7,
        call: Some(call),
    };
    let error = NumberedCall::try_from(call).unwrap_err();
    assert_eq!(error.call_id, 7);
    error.error.to_string()
}

fn message(bytes: usize, task_id: &str) -> wire::Call {
    wire::Call::Message(wire::Message {
        agent_id: "agent-aaaaaaaaaaaaa".into(),
        task_id: task_id.into(),
        data: vec![0; bytes],
    })
}

#[test]
fn a_call() {
    let launch = |tasks| v1::Operation {
        operation: Some(v1::operation::Operation::Launch(v1::operation::Launch {
            tasks,
        })),
    };
    let mut tasks = vec![task(); 4];
    tasks[3].environment = vec![variable("A=B", "")];
    let ids = |count: usize, id: &str| vec![id.to_owned(); count];
    let decline = |offer_ids, refuse_ms| {
        wire::Call::Decline(wire::Decline {
            offer_ids,
            filter: Some(v1::OfferFilter { refuse_ms }),
        })
    };
    let accept = |operations| {
        wire::Call::Accept(wire::Accept {
            operations,
            ..wire::Accept::default()
        })
    };
    let lines = [
        wire::Call::Subscribe(wire::Subscribe::default()),
        accept(vec![launch(tasks)]),
        accept(vec![launch(vec![task(); 501]), launch(vec![task(); 500])]),
        accept(vec![v1::Operation { operation: None }]),
        decline(ids(1, "offer-1"), 0),
        decline(ids(1001, "offer-1-1"), 0),
        decline(Vec::new(), -1),
        decline(Vec::new(), i64::MAX),
        wire::Call::Revive(wire::Revive {
            roles: ids(65, "a"),
        }),
        wire::Call::Suppress(wire::Suppress { roles: ids(1, "") }),
        wire::Call::Kill(wire::Kill::default()),
        wire::Call::Acknowledge(wire::Acknowledge::default()),
        wire::Call::Reconcile(wire::Reconcile {
            task_ids: ids(1001, "a"),
        }),
        message(65_537, "t"),
        message(65_536, ""),
    ]
    .map(answer)
    .join("\n");
    insta::assert_snapshot!(lines, @r#"
    subscribe.framework: is missing, or of a kind that this version does not know
    accept.operations[0].launch.tasks[3].environment[0].name: "A=B" holds "="; write a name without = and zero bytes
    accept.operations: holds 1001 entries; send at most 1000
    accept.operations[0]: is missing, or of a kind that this version does not know
    decline.offer_ids[0]: "offer-1" is no offer id: offer-EPOCH-NUMBER
    decline.offer_ids: holds 1001 entries; send at most 1000
    decline.filter.refuse_ms: -1 ms is negative; write 0 to be offered the same again at once, or leave the filter out for 5 s
    decline.filter.refuse_ms: 9223372036854775807 ms is too long; write at most 365 days
    revive.roles: holds 65 entries; send at most 64
    suppress.roles[0]: "" is no role: one to 128 characters, segments of a-z 0-9 _ . - joined by /
    kill.task_id: "" is no task id: 1 to 128 characters of A-Z a-z 0-9 . _ : -, not starting with a dot
    acknowledge.agent_id: "" is no agent id: agent- and 13 of a-z2-7
    reconcile.task_ids: holds 1001 entries; send at most 1000
    message.data: is 65537 bytes long; write at most 65536
    message.task_id: "" is no task id: 1 to 128 characters of A-Z a-z 0-9 . _ : -, not starting with a dot
    "#);
}

#[test]
fn a_bad_call_does_not_hurt_its_neighbours() {
    let call = |call_id, call| v1::SchedulerCall { call_id, call };
    let teardown = || Some(wire::Call::Teardown(wire::Teardown {}));
    let kill = Some(wire::Call::Kill(wire::Kill {
        task_id: "..".into(),
        grace_ms: None,
    }));
    let decoded = scheduler::decode_calls(v1::SchedulerCalls {
        calls: vec![
            call(1, teardown()),
            call(2, kill),
            call(3, None),
            call(4, teardown()),
        ],
    });
    let outcomes: Vec<(u64, bool)> = decoded
        .unwrap()
        .into_iter()
        .map(|outcome| match outcome {
            Ok(call) => (call.call_id, call.call == Call::Teardown),
            Err(refused) => (refused.call_id, false),
        })
        .collect();
    assert_eq!(outcomes, [(1, true), (2, false), (3, false), (4, true)]);
}

#[test]
fn a_batch_over_its_bound_ends_the_stream() {
    let error = scheduler::decode_calls(v1::SchedulerCalls {
        calls: vec![v1::SchedulerCall::default(); 1001],
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "calls: holds 1001 entries; send at most 1000"
    );
    let snapshot = v1::AgentCall {
        call: Some(v1::agent_call::Call::Snapshot(v1::agent_call::Snapshot {
            tasks: vec![v1::TaskSnapshot::default(); 1001],
            last: true,
        })),
    };
    assert_eq!(
        AgentCall::try_from(snapshot).unwrap_err().to_string(),
        "snapshot.tasks: holds 1001 entries; send at most 1000"
    );
}

#[test]
fn what_is_left_out_has_its_documented_default() {
    let accept = v1::SchedulerCall {
        call_id: 1,
        call: Some(wire::Call::Accept(wire::Accept {
            operations: vec![v1::Operation {
                operation: Some(v1::operation::Operation::Launch(v1::operation::Launch {
                    tasks: vec![task()],
                })),
            }],
            ..wire::Accept::default()
        })),
    };
    let Call::Accept {
        operations, filter, ..
    } = NumberedCall::try_from(accept).unwrap().call
    else {
        panic!("an accept became something else");
    };
    assert_eq!(filter, OfferFilter::default());
    let Operation::Launch { tasks } = &operations[0];
    assert!(tasks[0].resources.is_empty());
    assert_eq!(tasks[0].limits, stoker_types::TaskLimits::default());
    assert_eq!(tasks[0].stdin, None);
}
