//! Agents register, leave, stop, and are turned away. What their tasks become is in `snapshots`.

use std::time::Duration;

use stoker_types::{
    RunnerId, TaskState,
    agent::{AgentCall, AgentInfo, RunnerInfo},
};

use super::fixture::{
    Fixture, agent_info, cluster, failed, register, register_as, snapshot, told, update,
    with_running_task,
};

const FREE: &str = "used nothing offered nothing";

#[test]
fn a_new_agent_shows_when_the_registry_has_confirmed_it() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.agent(11, register(1)), ["persist 1: put A1"]);
    assert!(fixture.agent(11, snapshot(Vec::new())).is_empty());
    assert!(fixture.shown().is_empty());
    assert!(fixture.master.view().agents.is_empty());
    assert_eq!(fixture.persisted(), ["c11 <- registered A1 in epoch 1"]);
    assert_eq!(fixture.shown(), [format!("show A1 Active {FREE}")]);
}

#[test]
fn an_agent_is_registering_until_its_last_chunk() {
    let mut fixture = Fixture::new();
    fixture.agent(11, register(1));
    assert!(fixture.persisted().is_empty());
    assert_eq!(fixture.shown(), [format!("show A1 Registering {FREE}")]);
    let chunk = AgentCall::Snapshot {
        tasks: Vec::new(),
        last: false,
    };
    assert!(fixture.agent(11, chunk).is_empty());
    assert_eq!(
        fixture.agent(11, snapshot(Vec::new())),
        ["c11 <- registered A1 in epoch 1"]
    );
    assert_eq!(fixture.shown(), [format!("show A1 Active {FREE}")]);
}

#[test]
fn an_agent_that_the_registry_holds_as_it_is_does_not_wait() {
    let (mut fixture, _) = with_running_task();
    fixture.agent_gone(11);
    assert!(fixture.agent(12, register(1)).is_empty());
}

#[test]
fn an_agent_that_sells_something_else_now_waits_until_that_is_written() {
    let mut fixture = Fixture::new();
    fixture.registered(11, 1, Vec::new());
    fixture.agent_gone(11);
    fixture.shown();
    let info = AgentInfo {
        resources: "cpus=8;mem=1GiB".parse().unwrap(),
        ..agent_info(1)
    };
    assert_eq!(fixture.agent(12, register_as(info)), ["persist 2: put A1"]);
    assert!(fixture.agent(12, snapshot(Vec::new())).is_empty());
    assert_eq!(fixture.persisted(), ["c12 <- registered A1 in epoch 1"]);
}

#[test]
fn a_call_before_the_registration_is_refused_and_the_stream_ends() {
    let mut fixture = Fixture::new();
    assert_eq!(
        fixture.agent(11, AgentCall::Pong),
        [
            "c11 <- refused: pong comes before the registration: register first",
            "end c11"
        ]
    );
    assert!(fixture.agent(11, register(1)).is_empty());
}

#[test]
fn a_second_registration_on_a_stream_ends_it() {
    let (mut fixture, _) = with_running_task();
    assert_eq!(
        fixture.agent(11, register(1)),
        [
            "c11 <- refused: the stream is registered already: open another one to register anew",
            "end c11"
        ]
    );
    assert!(fixture.agent_gone(11).is_empty());
}

#[test]
fn tasks_told_after_the_registration_end_the_stream() {
    let (mut fixture, _) = cluster();
    assert_eq!(
        fixture.agent(11, snapshot(Vec::new())),
        [
            "c11 <- refused: the stream is registered already: open another one to register anew",
            "end c11",
            "c1 <- rescind offer-1-1",
        ]
    );
}

#[test]
fn the_later_of_two_streams_of_an_agent_wins() {
    let (mut fixture, _) = cluster();
    assert_eq!(
        fixture.agent(12, register(1)),
        ["end c11", "c1 <- rescind offer-1-1"]
    );
    assert_eq!(
        fixture.shown(),
        [
            format!("show A1 Registering {FREE}"),
            "show offer-1-1 no more".to_owned(),
        ]
    );
    // The end of the older stream changes nothing, nor does what still comes from it.
    assert!(fixture.agent_gone(11).is_empty());
    assert!(fixture.shown().is_empty());
    assert_eq!(
        fixture.agent(12, snapshot(Vec::new())),
        [
            "c12 <- registered A1 in epoch 1",
            "c1 <- offers offer-1-2 A1 default cpus=4;mem=4.0 GiB;fuel=20000",
        ]
    );
}

#[test]
fn an_agent_whose_stream_ends_is_offered_no_more() {
    let (mut fixture, _) = cluster();
    assert_eq!(fixture.agent_gone(11), ["c1 <- rescind offer-1-1"]);
    assert_eq!(
        fixture.shown(),
        [
            format!("show A1 Disconnected {FREE}"),
            "show offer-1-1 no more".to_owned(),
        ]
    );
}

#[test]
fn what_an_agent_says_before_it_is_registered_is_not_looked_at() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    fixture.agent(12, register(1));
    fixture.shown();
    let finished = || update(id, "t", 2, TaskState::Finished);
    assert!(fixture.agent(12, finished()).is_empty());
    assert!(fixture.shown().is_empty());
    // It sends it again when it is registered.
    fixture.agent(
        12,
        snapshot(vec![told(id, "t", TaskState::Finished, (2, 0))]),
    );
    fixture.pass(Duration::from_millis(10));
    assert_eq!(
        fixture.agent(12, finished()),
        ["c1 <- update F1/t#2 A1 TASK_FINISHED"]
    );
}

#[test]
fn an_agent_that_is_lost_while_it_is_admitted_is_admitted_and_away() {
    let mut fixture = Fixture::new();
    fixture.agent(11, register(1));
    fixture.agent_gone(11);
    assert!(fixture.shown().is_empty());
    assert!(fixture.persisted().is_empty());
    assert_eq!(fixture.shown(), [format!("show A1 Disconnected {FREE}")]);
}

#[test]
fn an_agent_that_returns_while_it_is_marked_unreachable_comes_back_at_once_after_it() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    let lines = fixture.pass(Duration::from_secs(75));
    assert!(lines.contains(&"persist 3: put A1 unreachable since 75s".to_owned()));
    // The registry is slow: the agent is faster.
    assert_eq!(fixture.agent(12, register(1)), ["persist 4: put A1"]);
    fixture.agent(
        12,
        snapshot(vec![told(id, "t", TaskState::Running, (1, 0))]),
    );
    fixture.shown();
    // Its tasks were never unreachable for anyone.
    let lines = fixture.persisted();
    assert_eq!(lines[0], "c12 <- registered A1 in epoch 1");
    assert!(
        !lines.iter().any(|line| line.contains("update")),
        "{lines:?}"
    );
}

#[test]
fn an_agent_that_stops_is_not_waited_for() {
    let (mut fixture, _) = cluster();
    assert_eq!(
        fixture.agent(11, AgentCall::Unregister),
        ["end c11", "c1 <- rescind offer-1-1"]
    );
    assert_eq!(
        fixture.shown(),
        [
            format!("show A1 Disconnected {FREE}"),
            "show offer-1-1 no more".to_owned(),
        ]
    );
    let lines = fixture.pass(Duration::from_secs(1000));
    assert!(
        lines.iter().all(|line| line == "c1 <- heartbeat"),
        "{lines:?}"
    );
    // It may start again.
    let lines = fixture.registered(12, 1, Vec::new());
    assert_eq!(lines[0], "c12 <- registered A1 in epoch 1");
}

#[test]
fn an_agent_that_stops_and_leaves_a_task_behind_is_treated_as_lost() {
    let (mut fixture, _) = with_running_task();
    assert_eq!(fixture.agent(11, AgentCall::Unregister), ["end c11"]);
    let lines = fixture.pass(Duration::from_secs(75));
    let marked = "persist 3: put A1 unreachable since 75s".to_owned();
    assert!(lines.contains(&marked), "{lines:?}");
}

#[test]
fn an_end_that_was_not_acknowledged_when_its_agent_stops_is_settled() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.agent(11, AgentCall::Unregister);
    assert!(fixture.master.view().tasks.is_empty());
}

#[test]
fn an_agents_runners_are_shown() {
    let (mut fixture, id) = with_running_task();
    let runner = RunnerInfo {
        id: RunnerId::from_bits(1),
        pid: 4711,
        framework_id: id,
        role: stoker_types::Role::default(),
        tasks: 1,
    };
    assert!(
        fixture
            .agent(11, AgentCall::Runners(vec![runner]))
            .is_empty()
    );
    assert_eq!(fixture.shown().len(), 1);
}

#[test]
fn an_agent_that_sells_less_than_its_tasks_hold_is_turned_away() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    let info = AgentInfo {
        resources: "cpus=0.5;mem=4GiB;fuel=20000".parse().unwrap(),
        ..agent_info(1)
    };
    fixture.agent(12, register_as(info));
    fixture.agent(
        12,
        snapshot(vec![told(id, "t", TaskState::Running, (1, 0))]),
    );
    assert_eq!(
        fixture.persisted(),
        [
            "c12 <- finally refused: the tasks on this agent hold cpus=1;mem=1.0 GiB;fuel=5000, \
             but it sells only cpus=0.5;mem=4.0 GiB;fuel=20000: let it sell at least what they \
             hold, or end them first",
            "end c12",
        ]
    );
}
