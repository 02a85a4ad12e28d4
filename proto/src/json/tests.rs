//! One document of each kind as it is written, and the numbers in it.

use std::time::Duration;

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use stoker_types::{
    AgentId, Digest, Epoch, FrameworkId, FrameworkInfo, MasterInfo, Milli, OfferId, Reason, Role,
    RunnerId, TaskInfo, TaskKey, TaskState, Timestamp, Usage,
    agent::{AgentInfo, RunnerInfo},
};
use utoipa::PartialSchema as _;

use super::{
    Agent, AgentState, Artifact, Counts, Decimal, Framework, FrameworkState, Master, Offer, Output,
    Resources, Runner, State, Task, TaskStateName, time,
};
use crate::convert;

const NOON: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

fn resources(text: &str) -> stoker_types::Resources {
    text.parse().unwrap()
}

fn agent() -> Agent {
    let info = AgentInfo {
        id: AgentId::from_bits(1),
        hostname: "rack-a-1".into(),
        resources: resources("cpus=2;mem=4GiB;disk=1GiB;fuel=10000;ports=31000-31999,32500;gpu=1"),
        attributes: "rack=a;zone=z1".parse().unwrap(),
        version: "0.1.0".into(),
        url: "http://127.0.0.1:5051".into(),
        hardening: stoker_types::Hardening {
            landlock: 6,
            seccomp: true,
        },
    };
    let runner = RunnerInfo {
        id: RunnerId::from_bits(2),
        pid: 4711,
        framework_id: FrameworkId::from_bits(3),
        role: Role::default(),
        tasks: 2,
    };
    Agent {
        used: Resources::from(&resources("cpus=0.25;mem=64MiB;fuel=1250")),
        registered_at: Some(time(NOON)),
        runners: vec![Runner::from(&runner)],
        ..Agent::new(&info, AgentState::Active)
    }
}

fn framework() -> Framework {
    let info = FrameworkInfo {
        name: "wordcount".into(),
        principal: String::new(),
        roles: vec![Role::default(), "team/web".parse().unwrap()],
        failover_timeout: Duration::from_secs(600),
    };
    Framework {
        state: FrameworkState::Disconnected,
        disconnected_at: Some(time(NOON.after(Duration::from_millis(1500)))),
        tasks: 2,
        ..Framework::new(FrameworkId::from_bits(3), &info, NOON)
    }
}

fn task() -> Task {
    let key = TaskKey {
        framework_id: FrameworkId::from_bits(3),
        task_id: "map-1".parse().unwrap(),
    };
    let info = TaskInfo {
        id: key.task_id.clone(),
        name: "map".into(),
        module: module(),
        module_digest: None,
        resources: resources("cpus=0.25;mem=64MiB"),
        arguments: Vec::new(),
        program_name: String::new(),
        environment: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        limits: stoker_types::TaskLimits::default(),
    };
    let usage = Usage {
        fuel_used: 1_000_000,
        cpu_time: Duration::from_micros(2500),
        host_time: Duration::from_micros(500),
        compile_time: Duration::from_millis(40),
        mem: 0,
        mem_peak: 65_536,
        bytes_written: 4096,
        bytes_out: 12,
        wall_time: Duration::from_millis(3),
    };
    Task {
        agent_id: Some(AgentId::from_bits(1).to_string()),
        state: TaskState::Failed,
        reason: Some(Reason::FuelExhausted),
        message: "its 1000000 units of fuel are used up".into(),
        started_at: Some(time(NOON)),
        ended_at: Some(time(NOON.after(Duration::from_millis(3)))),
        outputs: vec![Output::from(&stoker_types::OutputFile {
            path: "counts".into(),
            form: stoker_types::BlobForm::Tar,
            digest: stoker_types::Digest::of(b""),
            size: 1024,
            content: None,
        })],
        ..Task::new(&key, &Role::default(), &info, NOON).with_usage(&usage)
    }
}

fn module() -> stoker_types::ModuleReference {
    "file:/srv/map.wasm".parse().unwrap()
}

fn offer() -> Offer {
    let offer = stoker_types::Offer {
        id: OfferId {
            epoch: Epoch::new(1),
            number: 42,
        },
        framework_id: FrameworkId::from_bits(3),
        role: Role::default(),
        agent_id: AgentId::from_bits(1),
        hostname: "rack-a-1".into(),
        attributes: stoker_types::Attributes::default(),
        resources: resources("cpus=1.75;mem=1GiB"),
    };
    Offer::new(&offer, NOON, NOON.after(Duration::from_secs(30)))
}

/// The document, if it reads back as what was written.
fn written<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    text
}

#[test]
fn an_agent_reads_like_this() {
    insta::assert_snapshot!(written(&agent()), @r#"
    {
      "id": "agent-aaaaaaaaaaaab",
      "hostname": "rack-a-1",
      "state": "active",
      "total": {
        "cpus": 2,
        "mem": 4294967296,
        "disk": 1073741824,
        "fuel": 10000,
        "ports": [
          "31000-31999",
          "32500-32500"
        ],
        "custom": {
          "gpu": 1
        }
      },
      "used": {
        "cpus": 0.25,
        "mem": 67108864,
        "disk": 0,
        "fuel": 1250,
        "ports": [],
        "custom": {}
      },
      "offered": {
        "cpus": 0,
        "mem": 0,
        "disk": 0,
        "fuel": 0,
        "ports": [],
        "custom": {}
      },
      "attributes": {
        "rack": "a",
        "zone": "z1"
      },
      "version": "0.1.0",
      "url": "http://127.0.0.1:5051",
      "hardening": {
        "landlock": 6,
        "seccomp": true
      },
      "registered_at": "2026-11-21T12:00:00Z",
      "runners": [
        {
          "pid": 4711,
          "id": "runner-aaaaaaaaaaaac",
          "framework_id": "framework-aaaaaaaaaaaad",
          "role": "default",
          "tasks": 2
        }
      ]
    }
    "#);
}

#[test]
fn a_framework_reads_like_this() {
    insta::assert_snapshot!(written(&framework()), @r#"
    {
      "id": "framework-aaaaaaaaaaaad",
      "name": "wordcount",
      "principal": "",
      "roles": [
        "default",
        "team/web"
      ],
      "state": "disconnected",
      "failover_timeout_seconds": 600.0,
      "registered_at": "2026-11-21T12:00:00Z",
      "disconnected_at": "2026-11-21T12:00:01.5Z",
      "tasks": 2,
      "used": {
        "cpus": 0,
        "mem": 0,
        "disk": 0,
        "fuel": 0,
        "ports": [],
        "custom": {}
      },
      "offered": {
        "cpus": 0,
        "mem": 0,
        "disk": 0,
        "fuel": 0,
        "ports": [],
        "custom": {}
      }
    }
    "#);
}

#[test]
fn a_task_reads_like_this() {
    insta::assert_snapshot!(written(&task()), @r#"
    {
      "id": "map-1",
      "name": "map",
      "framework_id": "framework-aaaaaaaaaaaad",
      "role": "default",
      "agent_id": "agent-aaaaaaaaaaaab",
      "state": "TASK_FAILED",
      "reason": "FUEL_EXHAUSTED",
      "message": "its 1000000 units of fuel are used up",
      "exit_code": null,
      "resources": {
        "cpus": 0.25,
        "mem": 67108864,
        "disk": 0,
        "fuel": 0,
        "ports": [],
        "custom": {}
      },
      "module": "file:/srv/map.wasm",
      "created_at": "2026-11-21T12:00:00Z",
      "started_at": "2026-11-21T12:00:00Z",
      "ended_at": "2026-11-21T12:00:00.003Z",
      "fuel_used": 1000000,
      "cpu_seconds": 0.0025,
      "host_seconds": 0.0005,
      "compile_seconds": 0.04,
      "mem": 0,
      "mem_peak": 65536,
      "bytes_written": 4096,
      "bytes_out": 12,
      "wall_seconds": 0.003,
      "outputs": [
        {
          "path": "counts",
          "form": "tar",
          "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
          "size": 1024
        }
      ]
    }
    "#);
}

#[test]
fn an_offer_reads_like_this() {
    insta::assert_snapshot!(written(&offer()), @r#"
    {
      "id": "offer-1-42",
      "framework_id": "framework-aaaaaaaaaaaad",
      "role": "default",
      "agent_id": "agent-aaaaaaaaaaaab",
      "hostname": "rack-a-1",
      "resources": {
        "cpus": 1.75,
        "mem": 1073741824,
        "disk": 0,
        "fuel": 0,
        "ports": [],
        "custom": {}
      },
      "created_at": "2026-11-21T12:00:00Z",
      "expires_at": "2026-11-21T12:00:30Z"
    }
    "#);
}

#[test]
fn an_artifact_reads_like_this() {
    let artifact = convert::Artifact {
        digest: Digest::of(b""),
        kind: convert::ArtifactKind::Module,
        size: 0,
        name: "hello.wasm".into(),
        created_at: NOON,
    };
    insta::assert_snapshot!(written(&Artifact::from(&artifact)), @r#"
    {
      "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "kind": "module",
      "size": 0,
      "name": "hello.wasm",
      "created_at": "2026-11-21T12:00:00Z"
    }
    "#);
}

#[test]
fn a_cluster_reads_like_this() {
    let master = MasterInfo {
        epoch: Epoch::new(7),
        version: "0.1.0".into(),
    };
    let mut state = State {
        master: Master::new(&master, NOON),
        counts: Counts {
            agents: 1,
            frameworks: 1,
            tasks: 1,
            offers: 1,
        },
        agents: vec![agent()],
        frameworks: vec![framework()],
        tasks: vec![task()],
        offers: vec![offer()],
    };
    written(&state);
    state.agents.clear();
    state.frameworks.clear();
    state.tasks.clear();
    state.offers.clear();
    insta::assert_snapshot!(written(&state), @r#"
    {
      "master": {
        "epoch": 7,
        "version": "0.1.0",
        "started_at": "2026-11-21T12:00:00Z"
      },
      "counts": {
        "agents": 1,
        "frameworks": 1,
        "tasks": 1,
        "offers": 1
      },
      "agents": [],
      "frameworks": [],
      "tasks": [],
      "offers": []
    }
    "#);
}

#[test]
fn the_schema_lists_every_name() {
    let schema = serde_json::to_string(&TaskStateName::schema()).unwrap();
    for state in TaskState::ALL {
        assert!(
            schema.contains(state.as_str()),
            "{state} is not in {schema}"
        );
    }
}

#[test]
fn names_that_are_none_and_amounts_that_are_none_are_refused() {
    let text = serde_json::to_string(&task()).unwrap();
    for (right, wrong) in [
        ("TASK_FAILED", "FAILED"),
        ("FUEL_EXHAUSTED", "TIRED"),
        ("0.25", "-1"),
        ("0.25", "0.0001"),
        ("0.25", "\"much\""),
    ] {
        let text = text.replacen(right, wrong, 1);
        assert!(
            serde_json::from_str::<Task>(&text).is_err(),
            "{wrong} was taken"
        );
    }
}

#[test]
fn a_time_past_the_calendar_is_its_end() {
    assert_eq!(time(Timestamp::from_micros(u64::MAX)), jiff::Timestamp::MAX);
    assert_eq!(time(NOON).to_string(), "2026-11-21T12:00:00Z");
}

proptest! {
    #[test]
    fn an_amount_is_written_exactly(thousandths in 0..1_000_000_000_000_000_u64) {
        let amount = Decimal(Milli::from_thousandths(thousandths));
        let text = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(&text, &amount.to_string());
        prop_assert_eq!(serde_json::from_str::<Decimal>(&text).unwrap(), amount);
    }

    #[test]
    fn resources_read_back(cpus: u32, mem: u64, first in 1..=u16::MAX, gpus in 0..9_u64) {
        let resources = resources(&format!("cpus={cpus};mem={mem};ports={first};gpu={gpus}"));
        let text = serde_json::to_string(&Resources::from(&resources)).unwrap();
        let view: Resources = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(stoker_types::Resources::from(view), resources);
    }
}
