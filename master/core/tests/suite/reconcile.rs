//! Reconciliation: what a scheduler hears when it asks.

use std::time::Duration;

use stoker_master_core::{AgentRecord, Config, Recovered};
use stoker_types::{TaskState, scheduler::Call};

use super::fixture::{
    Fixture, acknowledge, agent_info, ephemeral_info, failed, subscribe, task_id,
    with_running_task, with_task,
};

fn reconcile(tasks: &[&str]) -> Call {
    let tasks = tasks.iter().map(|task| task_id(task)).collect();
    Call::Reconcile { tasks }
}

#[test]
fn without_names_every_task_that_is_not_over_is_told() {
    let (mut fixture, id) = with_running_task();
    assert_eq!(
        fixture.call(1, reconcile(&[])),
        ["c1 <- update F1/t#0 A1 TASK_RUNNING RECONCILIATION"]
    );
    fixture.agent(11, failed(id, "t", 2));
    fixture.wait(Duration::from_millis(1));
    assert_eq!(
        fixture.call(1, reconcile(&[])),
        ["c1 <- update F1/t#0 A1 TASK_FAILED RECONCILIATION"]
    );
    fixture.call(1, acknowledge(1, "t", 2));
    assert!(fixture.call(1, reconcile(&[])).is_empty());
}

#[test]
fn a_task_that_is_named_is_told_also_when_it_is_over() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, acknowledge(1, "t", 2));
    assert_eq!(
        fixture.call(1, reconcile(&["t", "other"])),
        [
            "c1 <- update F1/t#0 A1 TASK_FAILED RECONCILIATION",
            "c1 <- update F1/other#0 - TASK_UNKNOWN RECONCILIATION",
        ]
    );
}

#[test]
fn a_task_that_is_staging_or_unreachable_is_told_as_that() {
    let (mut fixture, _) = with_task();
    assert_eq!(
        fixture.call(1, reconcile(&["t"])),
        ["c1 <- update F1/t#0 A1 TASK_STAGING RECONCILIATION"]
    );
    fixture.agent_gone(11);
    fixture.pass(Duration::from_secs(75));
    fixture.persisted();
    assert_eq!(
        fixture.call(1, reconcile(&["t"])),
        ["c1 <- update F1/t#0 A1 TASK_UNREACHABLE RECONCILIATION"]
    );
}

#[test]
fn while_agents_are_still_returning_an_unknown_task_is_not_answered_for() {
    let recovered = Recovered {
        agents: vec![AgentRecord {
            agent: agent_info(1),
            unreachable_since: None,
        }],
        frameworks: Vec::new(),
    };
    let (mut fixture, _) = Fixture::with(Config::default(), recovered);
    fixture.call(1, subscribe(ephemeral_info(), None));
    assert!(fixture.call(1, reconcile(&["t"])).is_empty());
    let kill = Call::Kill {
        task_id: task_id("t"),
        grace: None,
    };
    assert_eq!(
        fixture.call(1, kill),
        [
            "c1 <- refused 3: task t is not known yet: agents are still returning; ask again \
             later"
        ]
    );
    // The agent is back, without it.
    fixture.registered(11, 1, Vec::new());
    assert_eq!(
        fixture.call(1, reconcile(&["t"])),
        ["c1 <- update F1/t#0 - TASK_UNKNOWN RECONCILIATION"]
    );
}

#[test]
fn a_task_of_another_framework_is_not_told() {
    let (mut fixture, _) = with_running_task();
    fixture.call(2, subscribe(ephemeral_info(), None));
    assert!(fixture.call(2, reconcile(&[])).is_empty());
    assert_eq!(
        fixture.call(2, reconcile(&["t"])),
        ["c2 <- update F2/t#0 - TASK_UNKNOWN RECONCILIATION"]
    );
    assert_eq!(
        fixture.master.view().tasks.get(&TaskState::Running),
        Some(&1)
    );
}
