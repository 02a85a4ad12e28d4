//! The whole daemon in this process, against a master that the test plays.
//!
//! What it starts are shell scripts; real runners are met in the tests of the whole cluster.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod master;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use stoker_agent::{AgentConfig, AgentError, Ready, StopRequest};
use stoker_types::{
    IdGenerator, ModuleReference, Reason, Resources, Role, TaskInfo, TaskKey, TaskLimits,
    TaskState,
    agent::{AgentCall, AgentEvent, Launch},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use master::{Master, PATIENCE};

/// A running agent.
struct Agent {
    stops: mpsc::Sender<StopRequest>,
    ready: Ready,
    running: JoinHandle<Result<(), AgentError>>,
}

impl Agent {
    async fn start(config: AgentConfig) -> Self {
        let (stops, receiver) = mpsc::channel(4);
        let (sender, ready) = oneshot::channel();
        let running = tokio::spawn(stoker_agent::run(config, receiver, move |ready: &Ready| {
            sender.send(ready.clone()).unwrap();
        }));
        let ready = timeout(PATIENCE, ready).await.unwrap().unwrap();
        Self {
            stops,
            ready,
            running,
        }
    }

    async fn stop(self, request: StopRequest) {
        self.stops.send(request).await.unwrap();
        timeout(PATIENCE, self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    async fn get(&self, path: &str) -> String {
        let address = self.ready.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn config(root: &Path, master: &Master) -> AgentConfig {
    // Compiles whatever it gets, and runs nothing.
    let program = root.join("program");
    let script = "#!/bin/sh\n\
        case \"$*\" in *--print-key*) echo engine-1; exit;; compile*) exec cat;; esac\n\
        echo no runner today >&2; exit 1\n";
    // An agent of the same test may be starting it just now.
    if !program.exists() {
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    }
    AgentConfig {
        masters: vec![master.url.clone()],
        listen: ([127, 0, 0, 1], 0).into(),
        data: root.join("data"),
        hostname: Some("host-1".to_owned()),
        resources: "cpus=2;mem=1GiB;disk=1GiB".to_owned(),
        attributes: "rack=a".to_owned(),
        program: Some(program),
        ..AgentConfig::default()
    }
}

fn launch(id: &str, module: &Path) -> Launch {
    let resources: Resources = "cpus=0.5;mem=1MiB".parse().unwrap();
    Launch {
        framework_id: IdGenerator::from_seed(1).framework_id(),
        role: Role::default(),
        task: TaskInfo {
            id: id.parse().unwrap(),
            name: String::new(),
            module: ModuleReference::File(module.to_owned()),
            module_digest: None,
            resources: resources.clone(),
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        },
        allocated: resources,
    }
}

fn key_of(launch: &Launch) -> TaskKey {
    TaskKey {
        framework_id: launch.framework_id,
        task_id: launch.task.id.clone(),
    }
}

#[tokio::test]
async fn an_update_outlives_the_daemon_until_it_is_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let mut master = Master::start().await;
    let agent = Agent::start(config(root.path(), &master)).await;
    let mut session = master.session().await;
    let (info, tasks) = session.admit().await;
    assert_eq!(
        (info.id, info.url.as_str()),
        (agent.ready.agent_id, agent.ready.url.as_str())
    );
    assert_eq!(
        (info.hostname.as_str(), info.attributes.get("rack")),
        ("host-1", Some("a"))
    );
    assert_eq!(info.resources.mem, 1 << 30);
    assert!(tasks.is_empty());

    let launch = launch("task-1", Path::new("/nonexistent/a.wasm"));
    session
        .say(AgentEvent::Launch(Box::new(launch.clone())))
        .await;
    let update = session.update().await;
    assert_eq!(
        (update.state, update.reason),
        (TaskState::Error, Some(Reason::ModuleNotFound))
    );
    assert!(update.message.contains("host-1"), "{}", update.message);
    agent.stop(StopRequest::Leave).await;

    let agent = Agent::start(config(root.path(), &master)).await;
    let mut session = master.session().await;
    let (again, tasks) = session.admit().await;
    assert_eq!(again.id, info.id);
    assert_eq!((tasks.len(), tasks[0].state), (1, TaskState::Error));
    assert_eq!(session.update().await, update);
    let (task, number) = (key_of(&launch), update.number);
    session.say(AgentEvent::Acknowledge { task, number }).await;
    // The answer to a ping comes after what was said before it.
    session.say(AgentEvent::Ping).await;
    while session.hear().await != AgentCall::Pong {}
    agent.stop(StopRequest::Leave).await;

    let agent = Agent::start(config(root.path(), &master)).await;
    let (_, tasks) = master.session().await.admit().await;
    assert!(tasks.is_empty(), "{tasks:?}");
    agent.stop(StopRequest::EndTasks).await;
}

#[tokio::test]
async fn a_runner_that_never_starts_fails_its_tasks_with_its_last_words() {
    let root = tempfile::tempdir().unwrap();
    let mut master = Master::start().await;
    let agent = Agent::start(config(root.path(), &master)).await;
    let mut session = master.session().await;
    session.admit().await;
    let module = root.path().join("a.wasm");
    fs::write(&module, "wasm a").unwrap();
    session
        .say(AgentEvent::Launch(Box::new(launch("task-1", &module))))
        .await;
    let mut update = session.update().await;
    while !update.state.is_terminal() {
        update = session.update().await;
    }
    assert_eq!(
        (update.state, update.reason),
        (TaskState::Failed, Some(Reason::LaunchFailed))
    );
    assert!(
        update.message.contains("no runner today"),
        "{}",
        update.message
    );

    let (task, number) = (update.task, update.number);
    session.say(AgentEvent::Acknowledge { task, number }).await;
    let stopping = tokio::spawn(agent.stop(StopRequest::EndTasks));
    while session.hear().await != AgentCall::Unregister {}
    drop(session);
    stopping.await.unwrap();
}

#[tokio::test]
async fn the_page_says_whether_a_master_has_admitted_the_agent() {
    let root = tempfile::tempdir().unwrap();
    let mut master = Master::start().await;
    let agent = Agent::start(config(root.path(), &master)).await;
    assert!(agent.get("/healthz").await.ends_with("ok\n"));
    assert!(agent.get("/readyz").await.contains("not registered"));
    let mut session = master.session().await;
    session.admit().await;
    let ready = async {
        while !agent.get("/readyz").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ready).await.unwrap();
    let page = agent.get("/metrics").await;
    assert!(page.contains("\nstoker_agent_registered 1\n"), "{page}");
    assert!(
        page.contains("application/openmetrics-text") && page.ends_with("# EOF\n"),
        "{page}"
    );
    agent.stop(StopRequest::Leave).await;
}

#[tokio::test]
async fn what_cannot_start_says_why_in_one_line() {
    let root = tempfile::tempdir().unwrap();
    let master = Master::start().await;
    let agent = Agent::start(config(root.path(), &master)).await;
    let refusal = async |config: AgentConfig| {
        let (_stops, receiver) = mpsc::channel(1);
        let result = stoker_agent::run(config, receiver, |_| panic!("it started")).await;
        result.unwrap_err().to_string()
    };
    let message = refusal(config(root.path(), &master)).await;
    assert!(
        message.contains("in use by the agent") && message.contains("--data"),
        "{message}"
    );

    let mut other = config(root.path(), &master);
    other.data = root.path().join("other");
    other.listen = agent
        .ready
        .url
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let message = refusal(other.clone()).await;
    assert!(
        message.contains("the port is in use") && message.contains("--listen"),
        "{message}"
    );

    other.resources = "cpus=many".to_owned();
    let message = refusal(other).await;
    assert!(message.starts_with("resources: cpus"), "{message}");
    agent.stop(StopRequest::Leave).await;
}

#[tokio::test]
async fn a_master_that_refuses_the_agent_for_good_ends_it() {
    let root = tempfile::tempdir().unwrap();
    let mut master = Master::start().await;
    let agent = Agent::start(config(root.path(), &master)).await;
    let session = master.session().await;
    let message = "agents of this version are not wanted".to_owned();
    session
        .say(AgentEvent::Refused {
            message: message.clone(),
            retry: false,
        })
        .await;
    let error = timeout(PATIENCE, agent.running)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.to_string(), message);
}
