//! Updates, their acknowledgements, and kills.

use std::time::Duration;

use stoker_master_core::Change;
use stoker_types::{
    Reason, StatusUpdate, TaskState, TaskUsage, Usage, agent::AgentCall, scheduler::Call,
};

use super::fixture::{
    Fixture, acknowledge, agent_id, ephemeral_info, failed, framework_info, status, subscribe,
    task_id, told, update, with_running_task, with_task,
};

fn kill(task: &str) -> Call {
    Call::Kill {
        task_id: task_id(task),
        grace: None,
    }
}

#[test]
fn a_grace_is_passed_on_and_can_only_become_shorter() {
    let (mut fixture, _) = with_running_task();
    let mut kill = |seconds: Option<u64>| {
        let call = Call::Kill {
            task_id: task_id("t"),
            grace: seconds.map(Duration::from_secs),
        };
        fixture.call(1, call)
    };
    assert_eq!(kill(Some(60)), ["c11 <- kill F1/t KILL_REQUESTED in 60s"]);
    assert_eq!(kill(Some(90)), ["c11 <- kill F1/t KILL_REQUESTED in 60s"]);
    assert_eq!(kill(None), ["c11 <- kill F1/t KILL_REQUESTED"]);
    assert_eq!(kill(Some(0)), ["c11 <- kill F1/t KILL_REQUESTED in 0ns"]);
    assert_eq!(kill(None), ["c11 <- kill F1/t KILL_REQUESTED in 0ns"]);
}

#[test]
fn an_update_is_passed_on_and_its_acknowledgement_passed_back() {
    let (mut fixture, id) = with_task();
    assert_eq!(
        fixture.agent(11, update(id, "t", 1, TaskState::Running)),
        ["c1 <- update F1/t#1 A1 TASK_RUNNING"]
    );
    assert_eq!(fixture.shown(), ["show F1/t TASK_RUNNING"]);
    assert_eq!(
        fixture.call(1, acknowledge(1, "t", 1)),
        ["c11 <- acknowledge F1/t#1"]
    );
    assert!(fixture.shown().is_empty());
}

#[test]
fn an_update_that_was_seen_is_only_passed_on_again() {
    let (mut fixture, id) = with_running_task();
    assert_eq!(
        fixture.agent(11, update(id, "t", 1, TaskState::Running)),
        ["c1 <- update F1/t#1 A1 TASK_RUNNING"]
    );
    assert!(fixture.shown().is_empty());
}

#[test]
fn an_update_that_was_acknowledged_is_acknowledged_again_and_not_passed_on() {
    let (mut fixture, id) = with_running_task();
    fixture.call(1, acknowledge(1, "t", 1));
    assert_eq!(
        fixture.agent(11, update(id, "t", 1, TaskState::Running)),
        ["c11 <- acknowledge F1/t#1"]
    );
}

#[test]
fn an_update_whose_predecessor_was_not_seen_is_not_looked_at() {
    let (mut fixture, id) = with_task();
    assert!(
        fixture
            .agent(11, update(id, "t", 2, TaskState::Finished))
            .is_empty()
    );
    assert!(fixture.shown().is_empty());
    for (number, state) in [(1, TaskState::Running), (2, TaskState::Finished)] {
        let lines = fixture.agent(11, update(id, "t", number, state));
        assert_eq!(lines[0], format!("c1 <- update F1/t#{number} A1 {state}"));
    }
}

#[test]
fn a_scheduler_that_is_back_hears_first_what_it_has_missed() {
    let (mut fixture, id) = with_task();
    fixture.scheduler_gone(1);
    let (first, second) = (
        update(id, "t", 1, TaskState::Running),
        update(id, "t", 2, TaskState::Finished),
    );
    assert!(fixture.agent(11, first.clone()).is_empty());
    fixture.call(2, subscribe(framework_info(), Some(id)));
    fixture.persisted();
    assert!(fixture.agent(11, second.clone()).is_empty());
    assert_eq!(
        fixture.agent(11, first),
        ["c2 <- update F1/t#1 A1 TASK_RUNNING"]
    );
    assert_eq!(
        fixture.agent(11, second),
        ["c2 <- update F1/t#2 A1 TASK_FINISHED"]
    );
}

#[test]
fn a_step_that_cannot_be_is_passed_on_and_not_taken() {
    let (mut fixture, id) = with_running_task();
    assert_eq!(
        fixture.agent(11, update(id, "t", 2, TaskState::Starting)),
        ["c1 <- update F1/t#2 A1 TASK_STARTING"]
    );
    assert!(fixture.shown().is_empty());
    let lines = fixture.agent(11, update(id, "t", 3, TaskState::Finished));
    assert_eq!(lines[0], "c1 <- update F1/t#3 A1 TASK_FINISHED");
}

#[test]
fn an_end_that_is_acknowledged_is_over_and_still_shown() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    let view = fixture.master.view();
    assert_eq!(view.tasks.get(&TaskState::Failed), Some(&1));
    fixture.shown();
    assert_eq!(
        fixture.call(1, acknowledge(1, "t", 2)),
        ["c11 <- acknowledge F1/t#2"]
    );
    assert!(fixture.shown().is_empty());
    let view = fixture.master.view();
    assert!(view.tasks.is_empty());
    assert_eq!(view.tasks_ended.get(&TaskState::Failed), Some(&1));
    // The agent resends what crossed the acknowledgement.
    for call in [update(id, "t", 1, TaskState::Running), failed(id, "t", 2)] {
        let lines = fixture.agent(11, call);
        assert!(
            lines[0].starts_with("c11 <- acknowledge F1/t#"),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 1);
    }
}

#[test]
fn readers_see_how_a_task_ended() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    let changes = fixture.changes();
    let view = changes.iter().find_map(|change| match change {
        Change::Task(view) => Some(view),
        Change::Agent(_)
        | Change::Framework(_)
        | Change::FrameworkForgotten(_)
        | Change::Usage(_)
        | Change::TaskForgotten(_)
        | Change::Offer(_)
        | Change::OfferRemoved(_) => None,
    });
    let view = view.unwrap();
    assert_eq!(
        (view.state, view.reason),
        (TaskState::Failed, Some(Reason::ExitCode))
    );
    assert_eq!(
        (view.exit_code, view.message.as_str()),
        (Some(3), "it exited with 3")
    );
    assert!(view.started_at.is_some() && view.ended_at.is_some());
}

#[test]
fn an_end_told_at_registration_gets_its_details_from_the_update_that_is_sent_again() {
    let mut fixture = Fixture::new();
    let id = stoker_types::FrameworkId::from_bits(5);
    fixture.call(1, subscribe(ephemeral_info(), Some(id)));
    fixture.registered(11, 1, vec![told(id, "t", TaskState::Failed, (2, 1))]);
    assert!(
        fixture
            .shown()
            .contains(&"show F1/t TASK_FAILED".to_owned())
    );
    let lines = fixture.agent(11, failed(id, "t", 2));
    assert_eq!(
        lines,
        ["c1 <- update F1/t#2 A1 TASK_FAILED EXIT_CODE: it exited with 3"]
    );
    assert_eq!(fixture.shown(), ["show F1/t TASK_FAILED EXIT_CODE"]);
    fixture.agent(11, failed(id, "t", 2));
    assert!(fixture.shown().is_empty());
}

#[test]
fn acknowledging_twice_does_no_harm() {
    let (mut fixture, id) = with_running_task();
    fixture.call(1, acknowledge(1, "t", 1));
    assert!(fixture.call(1, acknowledge(1, "t", 1)).is_empty());
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, acknowledge(1, "t", 2));
    assert!(fixture.call(1, acknowledge(1, "t", 2)).is_empty());
    assert!(fixture.call(1, acknowledge(1, "t", 1)).is_empty());
}

#[test]
fn an_acknowledgement_holds_for_all_updates_before_it() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, acknowledge(1, "t", 2));
    assert!(fixture.master.view().tasks.is_empty());
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_refused() {
    let (mut fixture, _) = with_running_task();
    assert_eq!(
        fixture.call(1, acknowledge(1, "t", 2)),
        ["c1 <- refused 3: task t has made 1 updates; number 2 is not one of them"]
    );
    assert_eq!(
        fixture.call(1, acknowledge(1, "t", 0)),
        ["c1 <- refused 4: task t has made 1 updates; number 0 is not one of them"]
    );
    assert_eq!(
        fixture.call(1, acknowledge(2, "t", 1)),
        ["c1 <- refused 5: task t is on A1, not on A2"]
    );
    assert_eq!(
        fixture.call(1, acknowledge(1, "other", 1)),
        ["c1 <- refused 6: task other is not known here"]
    );
}

#[test]
fn an_acknowledgement_while_the_agent_is_away_is_told_when_it_is_back() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    assert!(fixture.call(1, acknowledge(1, "t", 1)).is_empty());
    let lines = fixture.registered(12, 1, vec![told(id, "t", TaskState::Running, (1, 0))]);
    assert_eq!(
        lines,
        [
            "c12 <- registered A1 in epoch 1",
            "c12 <- acknowledge F1/t#1"
        ]
    );
}

#[test]
fn the_end_of_a_task_that_was_acknowledged_while_its_agent_was_away_is_settled_at_its_return() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.agent_gone(11);
    assert!(fixture.call(1, acknowledge(1, "t", 2)).is_empty());
    let lines = fixture.registered(12, 1, vec![told(id, "t", TaskState::Failed, (2, 0))]);
    assert_eq!(
        lines[..2],
        [
            "c12 <- registered A1 in epoch 1",
            "c12 <- acknowledge F1/t#2"
        ]
    );
}

#[test]
fn nonsense_from_an_agent_ends_its_stream() {
    let cases: Vec<(StatusUpdate, &str)> = {
        let (_, id) = with_task();
        let good = status(id, "t", 1, TaskState::Running);
        let unknown = StatusUpdate {
            task: super::fixture::key(id, "other"),
            ..good.clone()
        };
        let elsewhere = StatusUpdate {
            agent_id: Some(agent_id(2)),
            ..good.clone()
        };
        let unnumbered = StatusUpdate {
            number: 0,
            ..good.clone()
        };
        let impossible = StatusUpdate {
            state: TaskState::Unreachable,
            ..good
        };
        vec![
            (unnumbered, "an update of task F1/t was told with number 0"),
            (
                elsewhere,
                "an update of task F1/t was told with the id of another agent",
            ),
            (
                impossible,
                "an update of task F1/t was told with a state that no agent can know",
            ),
            (
                unknown,
                "task F1/other is not known to run here: register again and tell all tasks",
            ),
        ]
    };
    for (update, why) in cases {
        let (mut fixture, _) = with_task();
        let lines = fixture.agent(11, AgentCall::Update(update));
        assert_eq!(
            lines,
            [format!("c11 <- refused: {why}"), "end c11".to_owned()]
        );
        assert_eq!(fixture.master.view().agent_refusals.get("update"), Some(&1));
        let used = "used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing";
        assert_eq!(fixture.shown(), [format!("show A1 Disconnected {used}")]);
    }
}

// ---- Kills. ----

#[test]
fn a_kill_goes_to_the_agent_and_comes_back_as_an_update() {
    let (mut fixture, id) = with_running_task();
    assert_eq!(
        fixture.call(1, kill("t")),
        ["c11 <- kill F1/t KILL_REQUESTED"]
    );
    assert!(fixture.shown().is_empty());
    let killed = StatusUpdate {
        reason: Some(Reason::KillRequested),
        ..status(id, "t", 2, TaskState::Killed)
    };
    let lines = fixture.agent(11, AgentCall::Update(killed));
    assert_eq!(
        lines[0],
        "c1 <- update F1/t#2 A1 TASK_KILLED KILL_REQUESTED"
    );
}

#[test]
fn a_kill_that_is_repeated_is_told_again() {
    let (mut fixture, _) = with_running_task();
    for _ in 0..2 {
        assert_eq!(
            fixture.call(1, kill("t")),
            ["c11 <- kill F1/t KILL_REQUESTED"]
        );
    }
}

#[test]
fn a_kill_while_the_agent_is_away_is_told_when_it_is_back() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    assert!(fixture.call(1, kill("t")).is_empty());
    let lines = fixture.registered(12, 1, vec![told(id, "t", TaskState::Running, (1, 0))]);
    assert_eq!(
        lines,
        [
            "c12 <- registered A1 in epoch 1",
            "c12 <- kill F1/t KILL_REQUESTED"
        ]
    );
}

#[test]
fn a_kill_of_an_unreachable_task_is_told_when_it_is_back() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    fixture.pass(Duration::from_secs(75));
    fixture.persisted();
    assert!(fixture.call(1, kill("t")).is_empty());
    let lines = fixture.registered(12, 1, vec![told(id, "t", TaskState::Running, (1, 0))]);
    assert_eq!(
        lines[..4],
        [
            "persist 4: put A1",
            "c12 <- registered A1 in epoch 1",
            "c1 <- update F1/t#0 A1 TASK_RUNNING AGENT_REREGISTERED",
            "c12 <- kill F1/t KILL_REQUESTED",
        ]
    );
}

#[test]
fn a_kill_of_a_task_that_is_not_known_is_answered() {
    let (mut fixture, _) = with_running_task();
    assert_eq!(
        fixture.call(1, kill("other")),
        ["c1 <- update F1/other#0 - TASK_UNKNOWN RECONCILIATION"]
    );
}

#[test]
fn a_kill_of_a_task_that_has_ended_is_answered_with_its_state() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    let answer = "c1 <- update F1/t#0 A1 TASK_FAILED RECONCILIATION";
    let lines = fixture.call(1, kill("t"));
    assert_eq!(lines[0], answer);
    fixture.call(1, acknowledge(1, "t", 2));
    let lines = fixture.call(1, kill("t"));
    assert_eq!(lines[0], answer);
}

#[test]
fn what_a_running_task_uses_is_shown_and_nothing_else_follows() {
    let (mut fixture, id) = with_running_task();
    let used = |task: &str, fuel_used| TaskUsage {
        task: stoker_types::TaskKey {
            framework_id: id,
            task_id: task_id(task),
        },
        usage: Usage {
            fuel_used,
            ..Usage::default()
        },
    };
    let usages = AgentCall::Usages(vec![used("t", 9), used("gone", 5)]);
    assert!(fixture.agent(11, usages).is_empty());
    assert_eq!(fixture.changes(), [Change::Usage(used("t", 9))]);
    // The same update again is older news.
    fixture.agent(11, update(id, "t", 1, TaskState::Running));
    assert!(fixture.changes().is_empty());
    fixture.agent(11, update(id, "t", 2, TaskState::Finished));
    fixture.changes();
    // It crossed the end.
    fixture.agent(11, AgentCall::Usages(vec![used("t", 11)]));
    assert!(fixture.changes().is_empty());
}
