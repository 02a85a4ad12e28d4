//! An agent tells its tasks: what the master believes, adopts, declares gone, or has ended.

use std::time::Duration;

use stoker_types::{
    FrameworkId, TaskState,
    agent::{AgentCall, TaskSnapshot},
    scheduler::Call,
};

use super::fixture::{
    Fixture, HOUR, accept, acknowledge, agent_info, ephemeral_info, failed, register, snapshot,
    subscribe, task, told, update, with_running_task, with_task,
};

const REGISTERED: &str = "c12 <- registered A1 in epoch 1";
const USED: &str = "used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing";

/// Agent 1 returns on stream 12, in the same boot.
fn returns(fixture: &mut Fixture, tasks: Vec<TaskSnapshot>) -> Vec<String> {
    fixture.agent(12, register(1));
    fixture.agent(12, snapshot(tasks))
}

#[test]
fn a_task_that_went_on_while_its_agent_was_away_is_believed() {
    let (mut fixture, id) = with_task();
    fixture.agent_gone(11);
    fixture.shown();
    let lines = returns(
        &mut fixture,
        vec![told(id, "t", TaskState::Running, (1, 0))],
    );
    assert_eq!(lines, [REGISTERED]);
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Registering ".to_owned() + USED,
            "show A1 Active ".to_owned() + USED,
            "show F1/t TASK_RUNNING".to_owned(),
        ]
    );
}

#[test]
fn a_task_that_ended_while_its_agent_was_away_gives_its_resources_back() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    fixture.shown();
    let lines = returns(
        &mut fixture,
        vec![told(id, "t", TaskState::Finished, (2, 0))],
    );
    assert_eq!(
        lines,
        [
            REGISTERED,
            "c1 <- offers offer-1-2 A1 default cpus=4;mem=4.0 GiB;fuel=20000",
        ]
    );
    // Its updates come again, in order.
    for (number, state) in [(1, TaskState::Running), (2, TaskState::Finished)] {
        assert_eq!(
            fixture.agent(12, update(id, "t", number, state)),
            [format!("c1 <- update F1/t#{number} A1 {state}")]
        );
    }
}

#[test]
fn a_launch_that_its_agent_never_heard_of_was_dropped() {
    let (mut fixture, _) = with_task();
    fixture.agent_gone(11);
    let lines = returns(&mut fixture, Vec::new());
    assert_eq!(
        lines[..2],
        [
            REGISTERED,
            "c1 <- update F1/t#0 A1 TASK_DROPPED AGENT_DISCONNECTED: its agent was lost before it \
             heard of the launch",
        ]
    );
    assert!(fixture.master.view().tasks.is_empty());
}

#[test]
fn a_launch_before_a_reboot_is_gone_because_it_may_have_run() {
    let (mut fixture, _) = with_task();
    fixture.agent_gone(11);
    let rebooted = AgentCall::Register {
        agent: agent_info(1),
        boot_id: "boot-2".to_owned(),
    };
    fixture.agent(12, rebooted);
    let lines = fixture.agent(12, snapshot(Vec::new()));
    assert_eq!(
        lines[1],
        "c1 <- update F1/t#0 A1 TASK_GONE AGENT_RESTARTED: its agent is back without it"
    );
}

#[test]
fn a_task_that_ran_and_that_its_agent_has_lost_is_gone() {
    let (mut fixture, _) = with_running_task();
    fixture.agent_gone(11);
    let lines = returns(&mut fixture, Vec::new());
    assert_eq!(
        lines[1],
        "c1 <- update F1/t#0 A1 TASK_GONE AGENT_RESTARTED: its agent is back without it"
    );
}

#[test]
fn an_end_that_its_agent_has_forgotten_is_told_once_more() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.agent_gone(11);
    let lines = returns(&mut fixture, Vec::new());
    assert_eq!(
        lines[1],
        "c1 <- update F1/t#0 A1 TASK_FAILED AGENT_REREGISTERED: its agent has forgotten it; this \
         is how it ended"
    );
    assert!(fixture.master.view().tasks.is_empty());
}

#[test]
fn an_unreachable_task_comes_back_with_its_agent() {
    let (mut fixture, id) = with_running_task();
    fixture.agent_gone(11);
    fixture.pass(Duration::from_secs(75));
    fixture.persisted();
    fixture.shown();
    assert!(
        returns(
            &mut fixture,
            vec![told(id, "t", TaskState::Running, (1, 0))]
        )
        .is_empty()
    );
    assert_eq!(
        fixture.persisted()[..2],
        [
            REGISTERED,
            "c1 <- update F1/t#0 A1 TASK_RUNNING AGENT_REREGISTERED",
        ]
    );
    let shown = fixture.shown();
    let back = "show F1/t TASK_RUNNING AGENT_REREGISTERED".to_owned();
    assert!(shown.contains(&back), "{shown:?}");
}

#[test]
fn an_unreachable_task_that_its_agent_lost_is_gone() {
    let (mut fixture, _) = with_running_task();
    fixture.agent_gone(11);
    fixture.pass(Duration::from_secs(75));
    fixture.persisted();
    returns(&mut fixture, Vec::new());
    assert_eq!(
        fixture.persisted()[1],
        "c1 <- update F1/t#0 A1 TASK_GONE AGENT_RESTARTED: its agent is back without it"
    );
}

#[test]
fn an_end_is_final_even_if_the_agent_tells_another_story() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.agent_gone(11);
    let lines = returns(
        &mut fixture,
        vec![told(id, "t", TaskState::Running, (1, 0))],
    );
    assert_eq!(
        lines[..2],
        [REGISTERED, "c12 <- kill F1/t AGENT_REREGISTERED"]
    );
    // What it holds until it has ended is accounted for.
    let shown = fixture.shown();
    assert_eq!(shown.last().unwrap(), &format!("show A1 Active {USED}"));
    assert_eq!(
        fixture.agent(12, update(id, "t", 2, TaskState::Killed))[0],
        "c12 <- acknowledge F1/t#2"
    );
}

#[test]
fn a_task_that_was_declared_dropped_and_turns_up_is_ended() {
    let (mut fixture, id) = with_task();
    fixture.agent_gone(11);
    returns(&mut fixture, Vec::new());
    // It says that it runs all the same: it is to tell everything again.
    let lines = fixture.agent(12, update(id, "t", 1, TaskState::Running));
    assert_eq!(
        lines[..2],
        [
            "c12 <- refused: task F1/t is not known to run here: register again and tell all tasks",
            "end c12"
        ]
    );
    fixture.agent(13, register(1));
    let lines = fixture.agent(
        13,
        snapshot(vec![told(id, "t", TaskState::Running, (1, 0))]),
    );
    assert_eq!(
        lines[..2],
        [
            "c13 <- registered A1 in epoch 1",
            "c13 <- kill F1/t AGENT_REREGISTERED"
        ]
    );
    let lines = fixture.agent(13, update(id, "t", 2, TaskState::Killed));
    assert_eq!(lines[0], "c13 <- acknowledge F1/t#2");
}

#[test]
fn a_task_of_the_same_id_on_another_agent_is_ended() {
    let (mut fixture, id) = with_running_task();
    let lines = fixture.registered(12, 2, vec![told(id, "t", TaskState::Running, (1, 0))]);
    assert_eq!(
        lines[1..3],
        [
            "c12 <- registered A2 in epoch 1",
            "c12 <- kill F1/t AGENT_REREGISTERED"
        ]
    );
}

#[test]
fn tasks_that_the_master_does_not_know_are_adopted_in_chunks() {
    let mut fixture = Fixture::new();
    let id = FrameworkId::from_bits(5);
    fixture.call(1, subscribe(ephemeral_info(), Some(id)));
    fixture.agent(11, register(1));
    fixture.persisted();
    let chunk = AgentCall::Snapshot {
        tasks: vec![told(id, "a", TaskState::Running, (1, 1))],
        last: false,
    };
    fixture.agent(11, chunk);
    fixture.shown();
    let rest = vec![
        told(id, "b", TaskState::Staging, (0, 0)),
        told(id, "c", TaskState::Finished, (2, 1)),
        // Nothing is left to say of this one.
        told(id, "d", TaskState::Finished, (2, 2)),
    ];
    assert_eq!(
        fixture.agent(11, snapshot(rest)),
        [
            "c11 <- registered A1 in epoch 1",
            "c1 <- offers offer-1-1 A1 default cpus=2;mem=2.0 GiB;fuel=10000",
        ]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used cpus=2;mem=2.0 GiB;fuel=10000 offered \
             cpus=2;mem=2.0 GiB;fuel=10000",
            "show F1/a TASK_RUNNING",
            "show F1/b TASK_STAGING",
            "show F1/c TASK_FINISHED",
            "show F1/d TASK_FINISHED",
            "show offer-1-1 for F1",
        ]
    );
    assert_eq!(
        fixture.call(1, acknowledge(1, "c", 2)),
        ["c11 <- acknowledge F1/c#2"]
    );
}

#[test]
fn a_task_of_a_framework_that_is_over_and_forgotten_is_ended() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, acknowledge(1, "t", 2));
    fixture.call(1, Call::Teardown);
    fixture.persisted();
    let tasks = vec![
        told(id, "other", TaskState::Running, (1, 0)),
        told(id, "t", TaskState::Failed, (2, 0)),
    ];
    let lines = fixture.registered(12, 2, tasks);
    assert_eq!(
        lines[1..],
        [
            "c12 <- registered A2 in epoch 1",
            "c12 <- kill F1/other FRAMEWORK_REMOVED",
            "c12 <- acknowledge F1/t#2",
            "c12 <- shutdown F1",
        ]
    );
    // What it holds is not offered before it has ended.
    fixture.wait(Duration::from_millis(10));
    let lines = fixture.call(2, subscribe(ephemeral_info(), None));
    let rest = "cpus=3;mem=3.0 GiB;fuel=15000";
    assert!(
        lines[1].contains(&format!("A2 default {rest}")),
        "{lines:?}"
    );
    fixture.wait(Duration::from_millis(10));
    assert_eq!(
        fixture.agent(12, update(id, "other", 2, TaskState::Killed)),
        [
            "c12 <- acknowledge F1/other#2",
            "c2 <- offers offer-1-5 A2 default cpus=1;mem=1.0 GiB;fuel=5000",
        ]
    );
}

#[test]
fn an_acknowledgement_that_the_agent_lost_is_told_again() {
    let (mut fixture, id) = with_running_task();
    fixture.agent(11, failed(id, "t", 2));
    fixture.call(1, acknowledge(1, "t", 2));
    fixture.agent_gone(11);
    let lines = returns(&mut fixture, vec![told(id, "t", TaskState::Failed, (2, 0))]);
    assert_eq!(lines[..2], [REGISTERED, "c12 <- acknowledge F1/t#2"]);
}

#[test]
fn an_agent_that_tells_nonsense_is_turned_away() {
    let id = FrameworkId::from_bits(5);
    let cases = [
        (
            vec![
                told(id, "t", TaskState::Running, (1, 0)),
                told(id, "t", TaskState::Running, (1, 0)),
            ],
            "was told twice",
        ),
        (
            vec![told(id, "t", TaskState::Unreachable, (1, 0))],
            "was told with a state that no agent can know",
        ),
        (
            vec![told(id, "t", TaskState::Finished, (0, 0))],
            "was told with an end but no update",
        ),
        (
            vec![told(id, "t", TaskState::Running, (1, 2))],
            "was told with more updates acknowledged than made",
        ),
    ];
    for (tasks, why) in cases {
        let mut fixture = Fixture::new();
        let lines = fixture.registered(11, 1, tasks);
        let refused = "c11 <- finally refused: task framework-aaaaaaaaaaaaf/t ";
        assert_eq!(
            lines[1..],
            [format!("{refused}{why}"), "end c11".to_owned()]
        );
    }
}

#[test]
fn two_tasks_on_the_same_port_are_nonsense() {
    let mut fixture = Fixture::new();
    let id = FrameworkId::from_bits(5);
    let on_port = |name| {
        let mut snapshot = told(id, name, TaskState::Running, (1, 0));
        snapshot.launch.allocated.ports = "31000".parse().unwrap();
        snapshot
    };
    let mut info = agent_info(1);
    info.resources.ports = "31000-31010".parse().unwrap();
    fixture.agent(11, super::fixture::register_as(info));
    fixture.agent(11, snapshot(vec![on_port("a"), on_port("b")]));
    let lines = fixture.persisted();
    assert!(
        lines[0].contains("hold more than can be counted, or a port twice"),
        "{lines:?}"
    );
}

#[test]
fn a_launch_that_crosses_a_new_registration_is_not_lost_without_a_word() {
    let (mut fixture, _) = super::fixture::cluster();
    // The agent opened another stream, the scheduler does not know yet.
    fixture.agent(12, register(1));
    let lines = fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    assert!(
        lines[0].contains("F1/t#0 - TASK_DROPPED AGENT_DISCONNECTED"),
        "{lines:?}"
    );
}
