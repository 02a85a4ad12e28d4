//! The end of the agent: at once, or after its tasks and its runners.

use std::time::Duration;

use stoker_agent_core::{Effect, Input, Record};
use stoker_types::{
    Reason, RunnerId, StatusUpdate, TaskState,
    agent::{AgentCall, AgentEvent},
    runner::Outcome,
};

use crate::support::*;

const EXIT: Effect = Effect::Exit { failure: None };
const STOP: Input = Input::Stop { kill_tasks: true };

/// Half of what an agent gives its tasks when it stops.
const STOP_GRACE: Duration = Duration::from_millis(2500);

fn killed(number: u64) -> StatusUpdate {
    let mut last = update("a", number, TaskState::Killed);
    last = because(last, Reason::AgentStopped, "");
    last.usage = usage();
    last
}

/// An agent with a running task, told to end it; and the task's runner.
fn stopping() -> (Rig, RunnerId) {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    let effects = rig.input(STOP);
    let killing = update("a", 1, TaskState::Killing);
    let killing = because(killing, Reason::AgentStopped, "");
    let requested = Record::KillRequested {
        task: key("a"),
        reason: Reason::AgentStopped,
        grace: STOP_GRACE,
    };
    let expected = [persist(requested), persist(record(killing.clone()))];
    assert_eq!(effects, expected);
    let order = Effect::Kill {
        runner_id,
        task: key("a"),
        grace: STOP_GRACE,
    };
    assert_eq!(rig.written(), [order, told(killing)]);
    (rig, runner_id)
}

#[test]
fn an_agent_that_keeps_its_tasks_ends_at_once() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    let effects = rig.input(Input::Stop { kill_tasks: false });
    assert_eq!(effects, [EXIT]);
    assert_eq!(rig.input(ended(runner_id, 1, "a", EXITED)), []);
    assert_eq!(rig.agent.deadline(), None);
}

#[test]
fn an_agent_without_tasks_unregisters_and_ends() {
    let mut rig = Rig::registered();
    let effects = rig.input(STOP);
    assert_eq!(effects, [call(1, AgentCall::Unregister), EXIT]);
}

#[test]
fn an_agent_ends_after_its_tasks_are_acknowledged_and_its_runners_are_gone() {
    let (mut rig, runner_id) = stopping();
    rig.input(ended(runner_id, 1, "a", Outcome::Killed));
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 1,
    };
    assert_eq!(rig.written(), [confirmed, told(killed(2))]);
    let task = key("a");
    let effects = rig.master(AgentEvent::Acknowledge { task, number: 2 });
    let forgotten = Record::Forgotten { task: key("a") };
    assert_eq!(effects, [persist(forgotten)]);
    let expected = [
        Effect::Forgotten { task: key("a") },
        Effect::StopRunner { runner_id },
    ];
    assert_eq!(rig.written(), expected);
    let effects = rig.input(lost(runner_id, "it was stopped"));
    assert_eq!(effects, [persist(Record::RunnerEnded { runner_id })]);
    assert_eq!(rig.written(), [call(1, AgentCall::Unregister), EXIT]);
}

#[test]
fn an_agent_waits_five_seconds_for_its_tasks_and_two_for_its_runners() {
    let (mut rig, runner_id) = stopping();
    let stop = Effect::StopRunner { runner_id };
    assert!(!rig.wait(Duration::from_millis(4999)).contains(&stop));
    assert!(rig.wait(Duration::from_millis(1)).contains(&stop));
    assert!(!rig.wait(Duration::from_millis(1999)).contains(&EXIT));
    // A task may still be there: the agent does not say that it has none.
    assert_eq!(rig.wait(Duration::from_millis(1)), [EXIT]);
}

#[test]
fn tasks_that_end_with_their_runners_are_told_before_the_agent_leaves() {
    let (mut rig, runner_id) = stopping();
    rig.wait(Duration::from_secs(5));
    rig.input(lost(runner_id, "it was stopped"));
    let mut last = update("a", 2, TaskState::Killed);
    last = because(last, Reason::AgentStopped, "it was stopped");
    last.at = rig.now;
    // Its end is not acknowledged: the agent does not say that it has no task left.
    assert_eq!(rig.written(), [told(last), EXIT]);
}

#[test]
fn without_a_master_nobody_waits_for_acknowledgements() {
    let (mut rig, runner_id) = stopping();
    rig.input(disconnected(1));
    rig.input(ended(runner_id, 1, "a", Outcome::Killed));
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 1,
    };
    let stop = Effect::StopRunner { runner_id };
    assert_eq!(rig.written(), [confirmed, stop]);
    rig.input(lost(runner_id, "it was stopped"));
    assert_eq!(rig.written(), [EXIT]);
}

#[test]
fn a_stopping_agent_takes_no_tasks() {
    let (mut rig, _) = stopping();
    let effects = rig.master(AgentEvent::Launch(Box::new(launch("b"))));
    let last = because(
        update("b", 1, TaskState::Dropped),
        Reason::AgentDisconnected,
        "the agent is stopping",
    );
    let launched = Record::Launched(Box::new(launch("b")));
    assert_eq!(effects, [persist(launched), persist(record(last))]);
}

#[test]
fn an_agent_that_is_told_twice_stops_once_and_one_that_is_hurried_leaves() {
    let (mut rig, _) = stopping();
    assert_eq!(rig.input(STOP), []);
    let effects = rig.input(Input::Stop { kill_tasks: false });
    assert_eq!(effects, [EXIT]);
}

#[test]
fn a_runner_whose_start_is_being_written_is_never_started() {
    let mut rig = Rig::registered();
    rig.master(AgentEvent::Launch(Box::new(launch("a"))));
    rig.written();
    let (runner_id, _) = start_of(&rig.input(prepared("a")));
    rig.input(disconnected(1));
    rig.input(STOP);
    let ended = persist(Record::RunnerEnded { runner_id });
    assert_eq!(rig.wait(Duration::from_secs(5)), [ended]);
    assert_eq!(rig.written(), [EXIT]);
}
