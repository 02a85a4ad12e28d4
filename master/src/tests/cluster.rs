//! Agents and schedulers through the real core: an offer, a task, its updates, its end, and what
//! readers see of it.

use stoker_proto::convert::KillTask;
use stoker_types::{
    AgentId, FrameworkId, FrameworkInfo, Milli, Offer, OfferFilter, Reason, Resources, Role,
    StatusUpdate, TaskInfo, TaskKey, TaskState, Timestamp, Usage,
    agent::{AgentInfo, Launch},
    scheduler::Operation,
};

use super::*;

/// What an agent of these tests sells.
pub(super) fn machine() -> Resources {
    Resources {
        cpus: Milli::from_whole(2),
        mem: 1 << 30,
        disk: 1 << 30,
        fuel: Milli::from_whole(10_000),
        ..Resources::default()
    }
}

pub(super) fn framework_info(failover_timeout: Duration) -> FrameworkInfo {
    FrameworkInfo {
        name: "words".to_owned(),
        principal: String::new(),
        roles: vec![Role::default()],
        failover_timeout,
    }
}

pub(super) fn task_info(id: &str) -> TaskInfo {
    TaskInfo {
        id: id.parse().unwrap(),
        name: "count".to_owned(),
        module: "file:/srv/count.wasm".parse().unwrap(),
        module_digest: None,
        resources: Resources {
            cpus: Milli::from_whole(1),
            mem: 64 << 20,
            ..Resources::default()
        },
        arguments: Vec::new(),
        program_name: "count.wasm".to_owned(),
        environment: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        limits: stoker_types::TaskLimits::default(),
    }
}

pub(super) fn update(launch: &Launch, number: u64, state: TaskState) -> StatusUpdate {
    StatusUpdate {
        task: TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        },
        agent_id: Some(AgentId::from_bits(1)),
        number,
        state,
        reason: None,
        message: String::new(),
        exit_code: (state == TaskState::Finished).then_some(0),
        usage: Usage::default(),
        outputs: Vec::new(),
        at: Timestamp::from_micros(1_793_491_200_000_000),
    }
}

impl TestScheduler {
    /// Subscribes; the id that the master gave.
    pub(super) async fn subscribe(&mut self, id: Option<FrameworkId>) -> FrameworkId {
        self.subscribe_with(id, Duration::from_secs(600)).await
    }

    pub(super) async fn subscribe_with(
        &mut self,
        framework_id: Option<FrameworkId>,
        failover_timeout: Duration,
    ) -> FrameworkId {
        let framework = framework_info(failover_timeout);
        let call = Call::Subscribe {
            framework,
            framework_id,
            suppressed_roles: Vec::new(),
        };
        self.call(1, call).await;
        match self.event().await.unwrap() {
            Event::Subscribed { framework_id, .. } => framework_id,
            other => panic!("not subscribed but {other:?}"),
        }
    }

    async fn offers(&mut self) -> Vec<Offer> {
        match self.event().await.unwrap() {
            Event::Offers(offers) => offers,
            other => panic!("no offers but {other:?}"),
        }
    }

    async fn update(&mut self) -> StatusUpdate {
        match self.event().await.unwrap() {
            Event::Update(update) => update,
            other => panic!("no update but {other:?}"),
        }
    }
}

impl TestAgent {
    /// Registers without a task.
    pub(super) async fn register(&mut self) {
        let agent = AgentInfo {
            id: AgentId::from_bits(1),
            hostname: "host-1".to_owned(),
            resources: machine(),
            attributes: "rack=a".parse().unwrap(),
            version: "0.1.0".to_owned(),
            url: "http://127.0.0.1:5051".to_owned(),
            hardening: stoker_types::Hardening::default(),
        };
        self.call(AgentCall::Register {
            agent,
            boot_id: "boot-1".to_owned(),
        })
        .await;
        self.call(AgentCall::Snapshot {
            tasks: Vec::new(),
            last: true,
        })
        .await;
        let event = self.event().await.unwrap();
        assert!(matches!(event, AgentEvent::Registered { .. }), "{event:?}");
    }

    pub(super) async fn launch(&mut self) -> Launch {
        match self.event().await.unwrap() {
            AgentEvent::Launch(launch) => *launch,
            other => panic!("no launch but {other:?}"),
        }
    }
}

/// A master with an agent, a scheduler and a running task of that scheduler.
pub(super) struct Running {
    pub(super) master: TestMaster,
    pub(super) scheduler: TestScheduler,
    pub(super) agent: TestAgent,
    pub(super) launch: Launch,
}

impl Running {
    pub(super) async fn start(change: impl FnOnce(&mut MasterConfig)) -> Self {
        let master = TestMaster::start_in(tempfile::tempdir().unwrap(), change).await;
        let mut agent = TestAgent::connect(&master).await;
        agent.register().await;
        let mut scheduler = TestScheduler::connect(&master).await;
        scheduler.subscribe(None).await;
        let offers = scheduler.offers().await;
        let accept = Call::Accept {
            offer_ids: offers.iter().map(|offer| offer.id).collect(),
            operations: vec![Operation::Launch {
                tasks: vec![task_info("count-1")],
            }],
            filter: OfferFilter {
                refuse: Duration::from_secs(3600),
            },
        };
        scheduler.call(2, accept).await;
        let launch = agent.launch().await;
        agent
            .call(AgentCall::Update(update(&launch, 1, TaskState::Running)))
            .await;
        assert_eq!(scheduler.update().await.state, TaskState::Running);
        Self {
            master,
            scheduler,
            agent,
            launch,
        }
    }

    pub(super) fn key(&self) -> TaskKey {
        update(&self.launch, 1, TaskState::Running).task
    }
}

#[tokio::test]
async fn a_scheduler_is_subscribed_by_a_master_that_says_its_term() {
    let master = TestMaster::start().await;
    let mut scheduler = TestScheduler::connect(&master).await;
    let id = scheduler.subscribe(None).await;
    assert_eq!(scheduler.epoch, Some(Epoch::new(1)));
    let seen = wait_for("the framework", async || {
        let list = master.list("/api/v1/frameworks").await;
        list.first()
            .map(|framework| framework["id"].as_str().unwrap().to_owned())
    });
    assert_eq!(seen.await, id.to_string());
}

#[tokio::test]
async fn a_task_goes_from_offer_to_end_and_is_seen_by_readers() {
    let mut cluster = Running::start(|_| {}).await;
    let finished = update(&cluster.launch, 2, TaskState::Finished);
    cluster
        .agent
        .call(AgentCall::Update(finished.clone()))
        .await;
    assert_eq!(cluster.scheduler.update().await, finished);
    wait_for("the end of the task", async || {
        let tasks = cluster
            .master
            .list("/api/v1/tasks?state=TASK_FINISHED")
            .await;
        tasks.first().map(|task| assert_eq!(task["id"], "count-1"))
    })
    .await;
    let acknowledge = Call::Acknowledge {
        agent_id: AgentId::from_bits(1),
        task_id: "count-1".parse().unwrap(),
        number: 2,
    };
    cluster.scheduler.call(3, acknowledge).await;
    let event = cluster.agent.event().await.unwrap();
    assert!(
        matches!(event, AgentEvent::Acknowledge { number: 2, .. }),
        "{event:?}"
    );
    let (_, metrics) = cluster.master.get("/metrics").await;
    for line in [
        "stoker_master_agents{state=\"active\"} 1",
        "stoker_master_frameworks{state=\"active\"} 1",
        "stoker_master_scheduler_calls_total{verb=\"accept\"} 1",
        "stoker_master_tasks_ended_total{state=\"TASK_FINISHED\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
}

fn kill_of(cluster: &Running) -> v1::KillTaskRequest {
    v1::KillTaskRequest::from(KillTask {
        task: cluster.key(),
        grace: Some(std::time::Duration::from_secs(90)),
    })
}

#[tokio::test]
async fn an_operator_kills_a_task() {
    let mut cluster = Running::start(|_| {}).await;
    let mut operators = cluster.master.operators().await;
    operators.kill_task(kill_of(&cluster)).await.unwrap();
    let event = cluster.agent.event().await.unwrap();
    let AgentEvent::Kill {
        task,
        reason,
        grace,
    } = event
    else {
        panic!("no kill but {event:?}")
    };
    assert_eq!((task, reason), (cluster.key(), Reason::KilledByOperator));
    assert_eq!(grace, Some(std::time::Duration::from_secs(90)));

    let unknown = v1::KillTaskRequest {
        task_id: "nobody".to_owned(),
        ..kill_of(&cluster)
    };
    let error = operators.kill_task(unknown).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound);
    assert!(error.message().contains("stoker task list"), "{error}");
    let nonsense = v1::KillTaskRequest {
        framework_id: "x".to_owned(),
        ..Default::default()
    };
    let error = operators.kill_task(nonsense).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn an_operator_tears_a_framework_down() {
    let mut cluster = Running::start(|_| {}).await;
    let mut operators = cluster.master.operators().await;
    let request = v1::TeardownFrameworkRequest::from(cluster.launch.framework_id);
    operators.teardown_framework(request).await.unwrap();
    let end = loop {
        match cluster.scheduler.event().await {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(end.code(), tonic::Code::Ok, "{end}");
    let event = cluster.agent.event().await.unwrap();
    assert!(
        matches!(event, AgentEvent::ShutdownFramework { .. }),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_framework_keeps_its_id_through_a_restart_of_the_master() {
    let master = TestMaster::start().await;
    let mut scheduler = TestScheduler::connect(&master).await;
    let id = scheduler.subscribe(None).await;
    let folder = master.stop().await;
    let master = TestMaster::start_in(folder, |_| {}).await;
    let seen = wait_for("the framework of the registry", async || {
        let list = master.list("/api/v1/frameworks").await;
        list.first()
            .map(|framework| framework["id"].as_str().unwrap().to_owned())
    });
    assert_eq!(seen.await, id.to_string());
    let mut scheduler = TestScheduler::connect(&master).await;
    assert_eq!(scheduler.subscribe(Some(id)).await, id);
    assert_eq!(scheduler.epoch, Some(Epoch::new(2)));
}
