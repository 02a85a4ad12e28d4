//! A scheduler, or a whole master, goes away and returns, or does not.

use std::time::Duration;

use stoker_master_core::{AgentRecord, Config, FrameworkRecord, Recovered};
use stoker_types::{FrameworkId, TaskState, Timestamp, scheduler::Call};

use super::fixture::{
    Fixture, START, agent_info, cluster, ephemeral_info, framework_info, subscribe, told, update,
    with_running_task,
};

const USED: &str = "used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing";

fn recovered(failover_deadline: Option<u64>) -> (Fixture, Vec<String>) {
    let recovered = Recovered {
        agents: vec![AgentRecord {
            agent: agent_info(1),
            unreachable_since: None,
        }],
        frameworks: vec![FrameworkRecord {
            id: FrameworkId::from_bits(5),
            framework: framework_info(),
            failover_deadline: failover_deadline
                .map(|seconds| Timestamp::from_micros(START + seconds * 1_000_000)),
        }],
    };
    Fixture::with(Config::default(), recovered)
}

#[test]
fn a_framework_whose_scheduler_is_away_keeps_its_tasks_and_loses_its_offers() {
    let (mut fixture, id) = with_running_task();
    fixture.call(1, Call::Revive { roles: Vec::new() });
    fixture.shown();
    assert_eq!(fixture.scheduler_gone(1), ["persist 3: put F1 until 600s"]);
    assert_eq!(
        fixture.shown(),
        [
            "show F1 Disconnected".to_owned(),
            format!("show A1 Active {USED}"),
            "show offer-1-2 no more".to_owned(),
        ]
    );
    // What happens meanwhile is not queued: the agent sends it again.
    assert!(
        fixture
            .agent(11, update(id, "t", 2, TaskState::Finished))
            .is_empty()
    );
}

#[test]
fn a_framework_that_does_not_return_in_time_is_removed_and_its_tasks_are_ended() {
    let (mut fixture, _) = with_running_task();
    fixture.scheduler_gone(1);
    fixture.persisted();
    fixture.shown();
    // The agent answers all the while.
    for _ in 0..59 {
        fixture.pass(Duration::from_secs(10));
        fixture.agent(11, stoker_types::agent::AgentCall::Pong);
    }
    let lines = fixture.pass(Duration::from_secs(10));
    assert!(
        lines.contains(&"persist 4: remove F1".to_owned()),
        "{lines:?}"
    );
    assert!(fixture.shown().is_empty());
    assert_eq!(
        fixture.persisted(),
        ["c11 <- shutdown F1", "c11 <- acknowledge F1/t#1"]
    );
    assert_eq!(fixture.shown(), ["show F1 Completed"]);
}

#[test]
fn a_framework_that_is_removed_can_never_return() {
    let (mut fixture, id) = cluster();
    fixture.call(1, Call::Teardown);
    fixture.persisted();
    for info in [framework_info(), ephemeral_info()] {
        let lines = fixture.call(2, subscribe(info, Some(id)));
        assert_eq!(
            lines[0],
            "c2 <- final error: framework F1 is over, and its id is never valid again: subscribe \
             without an id"
        );
        fixture.scheduler_gone(2);
    }
}

#[test]
fn an_ephemeral_framework_ends_with_its_stream() {
    let mut fixture = Fixture::new();
    fixture.call(1, subscribe(ephemeral_info(), None));
    let id = fixture.names.last();
    fixture.registered(11, 1, Vec::new());
    fixture.wait(Duration::from_millis(10));
    let accept =
        super::fixture::accept(&[1], vec![super::fixture::task("t")], super::fixture::HOUR);
    fixture.call(1, accept);
    fixture.shown();
    assert_eq!(fixture.scheduler_gone(1), ["c11 <- shutdown F1"]);
    assert_eq!(fixture.shown(), ["show F1 Completed"]);
    // Nobody is left to acknowledge: the master does.
    assert_eq!(
        fixture.agent(11, update(id, "t", 1, TaskState::Killed)),
        ["c11 <- acknowledge F1/t#1"]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used nothing offered nothing",
            "show F1/t TASK_KILLED"
        ]
    );
    assert!(fixture.master.view().tasks.is_empty());
}

#[test]
fn a_new_master_gives_frameworks_their_failover_timeout_and_writes_that_down() {
    let (mut fixture, lines) = recovered(None);
    assert_eq!(lines, ["persist 1: put F1 until 600s"]);
    assert_eq!(
        fixture.shown(),
        [
            "show F1 Disconnected",
            "show A1 Disconnected used nothing offered nothing"
        ]
    );
}

#[test]
fn a_failover_deadline_survives_the_master() {
    let (mut fixture, lines) = recovered(Some(40));
    assert!(lines.is_empty());
    assert!(fixture.pass(Duration::from_secs(39)).is_empty());
    assert_eq!(
        fixture.pass(Duration::from_secs(1)),
        ["persist 1: remove F1"]
    );
    assert!(fixture.persisted().is_empty());
    assert_eq!(fixture.shown().last().unwrap(), "show F1 Completed");
}

#[test]
fn a_failover_deadline_that_passed_without_a_master_ends_the_framework_at_the_first_tick() {
    let recovered = Recovered {
        agents: Vec::new(),
        frameworks: vec![FrameworkRecord {
            id: FrameworkId::from_bits(5),
            framework: framework_info(),
            failover_deadline: Some(Timestamp::from_micros(START - 1)),
        }],
    };
    let (mut fixture, _) = Fixture::with(Config::default(), recovered);
    assert_eq!(fixture.pass(Duration::ZERO), ["persist 1: remove F1"]);
}

#[test]
fn after_a_masters_restart_agents_and_schedulers_return_and_tasks_never_notice() {
    let (mut fixture, _) = recovered(None);
    fixture.persisted();
    fixture.shown();
    let id = FrameworkId::from_bits(5);
    assert_eq!(
        fixture.call(1, subscribe(framework_info(), Some(id))),
        ["persist 2: put F1"]
    );
    assert_eq!(fixture.persisted(), ["c1 <- subscribed F1"]);
    // The registry holds the agent as it is: nothing to wait for.
    fixture.agent(11, super::fixture::register(1));
    let tasks = vec![told(id, "t", TaskState::Running, (2, 1))];
    assert_eq!(
        fixture.agent(11, super::fixture::snapshot(tasks)),
        [
            "c11 <- registered A1 in epoch 1",
            "c1 <- offers offer-1-1 A1 default cpus=3;mem=3.0 GiB;fuel=15000",
        ]
    );
    // Its unacknowledged update is passed on, and changes nothing.
    fixture.shown();
    assert_eq!(
        fixture.agent(11, update(id, "t", 2, TaskState::Running)),
        ["c1 <- update F1/t#2 A1 TASK_RUNNING"]
    );
    assert!(fixture.shown().is_empty());
    assert_eq!(
        fixture.call(1, super::fixture::acknowledge(1, "t", 2)),
        ["c11 <- acknowledge F1/t#2"]
    );
}

#[test]
fn after_a_masters_restart_agents_have_ten_minutes_to_return() {
    let (mut fixture, _) = recovered(Some(1_000));
    fixture.shown();
    assert!(fixture.pass(Duration::from_secs(599)).is_empty());
    assert_eq!(
        fixture.pass(Duration::from_secs(1)),
        ["persist 1: put A1 unreachable since 600s"]
    );
    assert!(fixture.persisted().is_empty());
    assert_eq!(
        fixture.shown(),
        ["show A1 Unreachable used nothing offered nothing"]
    );
}

#[test]
fn an_agent_that_was_unreachable_before_a_restart_still_is() {
    let recovered = Recovered {
        agents: vec![AgentRecord {
            agent: agent_info(1),
            unreachable_since: Some(Timestamp::from_micros(START)),
        }],
        frameworks: Vec::new(),
    };
    let (mut fixture, _) = Fixture::with(Config::default(), recovered);
    assert_eq!(
        fixture.shown(),
        ["show A1 Unreachable used nothing offered nothing"]
    );
    assert_eq!(fixture.master.deadline(), None);
    // It comes back when the registry knows.
    fixture.agent(11, super::fixture::register(1));
    assert!(
        fixture
            .agent(11, super::fixture::snapshot(Vec::new()))
            .is_empty()
    );
    assert_eq!(fixture.persisted(), ["c11 <- registered A1 in epoch 1"]);
}

#[test]
fn a_framework_that_only_agents_know_has_60_seconds_to_subscribe() {
    let mut fixture = Fixture::new();
    let id = FrameworkId::from_bits(5);
    fixture.registered(11, 1, vec![told(id, "t", TaskState::Running, (1, 0))]);
    fixture.shown();
    fixture.pass(Duration::from_secs(59));
    let lines = fixture.pass(Duration::from_secs(1));
    assert_eq!(
        lines,
        [
            "c11 <- ping",
            "c11 <- shutdown F1",
            "c11 <- acknowledge F1/t#1",
        ]
    );
    assert_eq!(fixture.shown(), ["show F1 Completed"]);
}
