//! Teardown: a framework ends for good.

use std::time::Duration;

use stoker_master_core::OperatorCommand;
use stoker_types::{TaskState, scheduler::Call};

use super::fixture::{Fixture, failed, subscribe, told, update, with_running_task, with_task};

#[test]
fn a_teardown_acts_when_the_registry_has_confirmed_it() {
    let (mut fixture, _) = with_running_task();
    fixture.call(1, Call::Revive { roles: Vec::new() });
    fixture.shown();
    assert_eq!(fixture.call(1, Call::Teardown), ["persist 3: remove F1"]);
    // Its offers go to others at once: that needs no confirmation.
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing",
            "show offer-1-2 no more",
        ]
    );
    let lines = fixture.call(1, Call::Reconcile { tasks: Vec::new() });
    assert_eq!(
        lines,
        ["c1 <- refused 5: framework F1 is being removed: nothing can be asked for it any more"]
    );
    assert_eq!(
        fixture.persisted(),
        [
            "c11 <- shutdown F1",
            // Nobody is left to take care of the update that was not acknowledged.
            "c11 <- acknowledge F1/t#1",
            "end c1",
        ]
    );
    assert_eq!(fixture.shown(), ["show F1 Completed"]);
}

#[test]
fn the_tasks_of_a_framework_that_is_over_hold_resources_until_they_end() {
    let (mut fixture, id) = with_running_task();
    fixture.call(1, Call::Teardown);
    fixture.persisted();
    fixture.shown();
    assert_eq!(
        fixture.agent(11, update(id, "t", 2, TaskState::Killing)),
        ["c11 <- acknowledge F1/t#2"]
    );
    assert_eq!(
        fixture.agent(11, update(id, "t", 3, TaskState::Killed)),
        ["c11 <- acknowledge F1/t#3"]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show F1/t TASK_KILLING",
            "show A1 Active used nothing offered nothing",
            "show F1/t TASK_KILLED",
        ]
    );
}

#[test]
fn an_agent_that_was_away_hears_of_the_end_when_it_is_back() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    fixture.call(1, Call::Teardown);
    assert_eq!(fixture.persisted(), ["end c1"]);
    let lines = fixture.registered(12, 1, vec![told(id, "t", TaskState::Running, (1, 0))]);
    assert_eq!(
        lines,
        [
            "c12 <- registered A1 in epoch 1",
            "c12 <- acknowledge F1/t#1",
            "c12 <- shutdown F1",
        ]
    );
}

#[test]
fn an_end_that_was_not_acknowledged_is_settled_by_the_teardown() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, Call::Teardown);
    let lines = fixture.persisted();
    assert_eq!(
        lines,
        ["c11 <- shutdown F1", "c11 <- acknowledge F1/t#2", "end c1"]
    );
    assert!(fixture.master.view().tasks.is_empty());
}

#[test]
fn an_ephemeral_framework_needs_no_confirmation() {
    let mut fixture = Fixture::new();
    fixture.call(1, subscribe(super::fixture::ephemeral_info(), None));
    assert_eq!(fixture.call(1, Call::Teardown), ["end c1"]);
}

#[test]
fn an_operator_tears_a_framework_down_and_is_answered_when_it_holds() {
    let (mut fixture, id) = with_task();
    let teardown = || OperatorCommand::TeardownFramework { framework_id: id };
    assert_eq!(fixture.operator(1, teardown()), ["persist 3: remove F1"]);
    // Another one who wants the same waits for the same.
    assert!(fixture.operator(2, teardown()).is_empty());
    assert_eq!(
        fixture.persisted(),
        [
            "c11 <- shutdown F1",
            "c1 <- final error: framework F1 was torn down by an operator",
            "end c1",
            "reply 1: done",
            "reply 2: done",
        ]
    );
    assert_eq!(
        fixture.operator(3, teardown()),
        ["reply 3: no framework F1 is known; `stoker framework list` shows those that are"]
    );
}

#[test]
fn a_scheduler_that_leaves_during_its_teardown_changes_nothing() {
    let (mut fixture, _) = with_task();
    fixture.call(1, Call::Teardown);
    fixture.shown();
    assert!(fixture.scheduler_gone(1).is_empty());
    assert_eq!(fixture.shown(), ["show F1 Disconnected"]);
    assert_eq!(fixture.persisted(), ["c11 <- shutdown F1"]);
}

#[test]
fn a_framework_that_is_away_can_be_torn_down() {
    let (mut fixture, id) = with_task();
    fixture.scheduler_gone(1);
    let command = OperatorCommand::TeardownFramework { framework_id: id };
    assert_eq!(fixture.operator(1, command), ["persist 4: remove F1"]);
    assert_eq!(fixture.persisted(), ["c11 <- shutdown F1", "reply 1: done"]);
    // Its failover deadline is gone with it.
    let lines = fixture.pass(Duration::from_secs(60));
    assert!(lines.iter().all(|line| line == "c11 <- ping"), "{lines:?}");
}
