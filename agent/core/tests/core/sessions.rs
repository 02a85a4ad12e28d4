//! The session with the master: registration in chunks, admission, refusal, deposed masters.

use std::time::Duration;

use stoker_agent_core::{ConnectionId, Effect};
use stoker_types::{
    AgentId, Epoch, Reason, TaskState,
    agent::{AgentCall, AgentEvent, TaskSnapshot},
};

use crate::support::*;

fn snapshot(tasks: Vec<TaskSnapshot>, last: bool) -> AgentCall {
    AgentCall::Snapshot { tasks, last }
}

fn left(connection: u64) -> Effect {
    Effect::Disconnect {
        connection: ConnectionId(connection),
    }
}

#[test]
fn an_agent_introduces_itself_and_says_that_it_has_nothing() {
    let mut rig = Rig::new();
    let effects = rig.input(connected(1));
    let nothing = snapshot(Vec::new(), true);
    assert_eq!(effects, [call(1, introduction()), call(1, nothing)]);
    assert_eq!(rig.agent.view().epoch, None);
    assert_eq!(rig.input(admitted(1, 5)), []);
    assert_eq!(rig.agent.view().epoch, Some(Epoch::new(5)));
    assert_eq!(rig.agent.deadline(), None);
}

#[test]
fn an_agent_does_not_register_before_its_log_says_who_it_is() {
    let (mut rig, _) = Rig::recovered(config(), empty_log());
    assert_eq!(rig.input(connected(1)), []);
    assert_eq!(rig.written().len(), 2);
}

#[test]
fn a_registration_tells_each_task_as_it_is_written() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    rig.master(AgentEvent::Launch(Box::new(launch("b"))));
    rig.written();
    rig.input(disconnected(1));
    rig.input(ended(runner_id, 2, "a", EXITED));
    let running = TaskSnapshot {
        launch: launch("a"),
        state: TaskState::Running,
        reason: None,
        latest_number: 1,
        acknowledged_number: 0,
        usage: stoker_types::Usage::default(),
    };
    let staging = TaskSnapshot {
        launch: launch("b"),
        state: TaskState::Staging,
        latest_number: 0,
        ..running.clone()
    };
    let finished = TaskSnapshot {
        state: TaskState::Finished,
        latest_number: 2,
        usage: usage(),
        ..running
    };
    // What was begun before the stream opened is told when it is written.
    assert_eq!(rig.input(connected(2)), []);
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 2,
    };
    let all = snapshot(vec![finished, staging], true);
    let expected = [confirmed, call(2, introduction()), call(2, all)];
    assert_eq!(rig.written(), expected);
}

#[test]
fn a_launch_that_is_being_written_when_the_stream_breaks_is_told_on_the_next_one() {
    let mut rig = Rig::registered();
    rig.master(AgentEvent::Launch(Box::new(launch("a"))));
    rig.input(disconnected(1));
    assert_eq!(rig.input(connected(2)), []);
    let effects = rig.written();
    assert_eq!(effects[0], prepare("a"));
    let Effect::ToMaster {
        call: AgentCall::Snapshot { tasks, last: true },
        ..
    } = &effects[2]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(tasks.len(), 1);
}

/// The sizes of the snapshots of an agent with these tasks.
fn chunks(launches: impl Iterator<Item = stoker_types::agent::Launch>) -> Vec<(usize, bool)> {
    let mut rig = Rig::registered();
    for launch in launches {
        rig.master(AgentEvent::Launch(Box::new(launch)));
    }
    rig.written();
    rig.input(disconnected(1));
    let effects = rig.input(connected(2));
    let chunk = |effect: &Effect| match effect {
        Effect::ToMaster {
            call: AgentCall::Snapshot { tasks, last },
            ..
        } => Some((tasks.len(), *last)),
        _ => None,
    };
    effects.iter().filter_map(chunk).collect()
}

#[test]
fn many_tasks_are_told_in_chunks_of_at_most_a_thousand() {
    let tasks = (0..2001).map(|n| launch_of(1, &format!("t{n}"), "mem=1KiB"));
    assert_eq!(chunks(tasks), [(1000, false), (1000, false), (1, true)]);
}

#[test]
fn large_tasks_are_told_in_chunks_of_at_most_a_mebibyte() {
    let tasks = (0..40).map(|n| {
        let mut launch = launch_of(1, &format!("t{n}"), "mem=1KiB");
        launch.task.arguments = vec!["x".repeat(30 * 1024)];
        launch
    });
    assert_eq!(chunks(tasks), [(33, false), (7, true)]);
}

#[test]
fn nothing_is_done_for_a_master_that_has_not_admitted_the_agent() {
    let mut rig = Rig::new();
    rig.input(connected(1));
    let launches = AgentEvent::Launch(Box::new(launch("a")));
    assert_eq!(rig.master(launches), []);
    assert_eq!(rig.master(AgentEvent::Ping), [call(1, AgentCall::Pong)]);
}

#[test]
fn a_master_that_takes_the_agent_for_another_is_left() {
    let mut rig = Rig::new();
    rig.input(connected(1));
    let event = AgentEvent::Registered {
        agent_id: AgentId::from_bits(8),
        epoch: Epoch::new(1),
    };
    assert_eq!(rig.master(event), [left(1)]);
}

#[test]
fn a_master_that_does_not_answer_a_registration_is_left() {
    let mut rig = Rig::new();
    rig.input(connected(1));
    assert_eq!(rig.wait(Duration::from_secs(59)), []);
    assert_eq!(rig.wait(Duration::from_secs(1)), [left(1)]);
    assert_eq!(rig.input(disconnected(1)), []);
    assert_eq!(rig.input(connected(2)).len(), 2);
}

#[test]
fn a_deposed_master_is_not_obeyed_and_left() {
    let mut rig = Rig::new();
    rig.input(connected(1));
    rig.input(admitted(1, 7));
    rig.input(disconnected(1));
    rig.input(connected(2));
    assert_eq!(rig.input(admitted(2, 6)), [left(2)]);
    assert_eq!(rig.agent.view().epoch, None);
    rig.input(connected(3));
    rig.input(admitted(3, 8));
    let launches = AgentEvent::Launch(Box::new(launch("a")));
    assert_eq!(rig.input(from_master(3, 7, launches)), [left(3)]);
    assert!(rig.agent.view().tasks.is_empty());
}

#[test]
fn what_comes_over_an_old_stream_is_ignored() {
    let mut rig = Rig::registered();
    rig.input(disconnected(1));
    rig.register(2);
    let launches = AgentEvent::Launch(Box::new(launch("a")));
    assert_eq!(rig.master(launches), []);
    assert_eq!(rig.input(disconnected(1)), []);
    assert_eq!(rig.agent.view().epoch, Some(Epoch::new(1)));
}

#[test]
fn a_second_stream_takes_the_place_of_the_first() {
    let mut rig = Rig::registered();
    let effects = rig.input(connected(2));
    assert_eq!(effects[0], left(1));
    assert_eq!(effects[1], call(2, introduction()));
}

#[test]
fn an_agent_that_is_refused_for_now_tries_again() {
    let mut rig = Rig::new();
    rig.input(connected(1));
    let message = "not the leader".to_owned();
    let retry = true;
    let effects = rig.master(AgentEvent::Refused { message, retry });
    assert_eq!(effects, [left(1)]);
    assert_eq!(rig.input(connected(2)).len(), 2);
}

#[test]
fn an_agent_that_is_refused_for_good_ends_its_tasks_and_itself() {
    let mut rig = Rig::registered();
    rig.master(AgentEvent::Launch(Box::new(launch("a"))));
    rig.written();
    let refused = AgentEvent::Refused {
        message: "this agent is gone".to_owned(),
        retry: false,
    };
    let effects = rig.master(refused);
    let last = because(
        update("a", 1, TaskState::Killed),
        Reason::AgentStopped,
        "killed before it ran",
    );
    let cancelled = Effect::CancelPrepare { task: key("a") };
    assert_eq!(effects, [left(1), cancelled, persist(record(last))]);
    // It does not register again meanwhile.
    assert_eq!(rig.input(connected(2)), []);
    let exit = Effect::Exit {
        failure: Some("this agent is gone".to_owned()),
    };
    assert_eq!(rig.written(), [exit]);
    assert_eq!(rig.input(connected(3)), []);
}
