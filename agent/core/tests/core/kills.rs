//! Kills: before the hand-over, after it, of what is not there, of all that a framework has.

use std::time::Duration;

use stoker_agent_core::{Effect, Record, replay};
use stoker_types::{
    Reason, StatusUpdate, TaskState,
    agent::{AgentEvent, DEFAULT_KILL_GRACE, Launch},
    runner::Outcome,
};

use crate::support::*;

fn kill(name: &str, reason: Reason) -> AgentEvent {
    AgentEvent::Kill {
        task: key(name),
        reason,
        grace: None,
    }
}

fn launches(launch: Launch) -> AgentEvent {
    AgentEvent::Launch(Box::new(launch))
}

fn never_ran(name: &str) -> StatusUpdate {
    let update = update(name, 1, TaskState::Killed);
    because(update, Reason::KillRequested, "killed before it ran")
}

fn cancelled(name: &str) -> Effect {
    Effect::CancelPrepare { task: key(name) }
}

#[test]
fn a_task_whose_launch_is_being_written_is_killed_and_never_prepared() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    let effects = rig.master(kill("a", Reason::KillRequested));
    assert_eq!(effects, [persist(record(never_ran("a")))]);
    assert_eq!(rig.written(), [told(never_ran("a"))]);
}

#[test]
fn a_task_that_is_being_prepared_is_killed_at_once() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    rig.written();
    let effects = rig.master(kill("a", Reason::KillRequested));
    let last = persist(record(never_ran("a")));
    assert_eq!(effects, [cancelled("a"), last]);
    assert_eq!(rig.written(), [told(never_ran("a"))]);
    assert_eq!(rig.input(prepared("a")), []);
}

#[test]
fn a_task_that_waits_for_its_runner_is_killed_at_once() {
    let mut rig = Rig::registered();
    rig.master(launches(launch("a")));
    rig.written();
    let (runner_id, _) = start_of(&rig.input(prepared("a")));
    rig.written();
    let effects = rig.master(kill("a", Reason::KillRequested));
    let last = persist(record(never_ran("a")));
    assert_eq!(effects, [cancelled("a"), last]);
    rig.written();
    assert_eq!(rig.input(ready(runner_id)), []);
}

#[test]
fn a_task_whose_hand_over_is_being_written_is_killed_at_once() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("other");
    rig.master(launches(launch("a")));
    rig.written();
    let handed_over = Record::HandedOver {
        task: key("a"),
        runner_id,
    };
    assert_eq!(rig.input(prepared("a")), [persist(handed_over)]);
    let effects = rig.master(kill("a", Reason::KillRequested));
    let last = persist(record(never_ran("a")));
    assert_eq!(effects, [cancelled("a"), last]);
    // Its runner never hears of it.
    assert_eq!(rig.written(), [told(never_ran("a"))]);
}

#[test]
fn a_task_that_a_runner_has_is_killed_by_it_once_that_is_written() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    let effects = rig.master(kill("a", Reason::KilledByOperator));
    let killing = update("a", 1, TaskState::Killing);
    let killing = because(killing, Reason::KilledByOperator, "");
    let requested = Record::KillRequested {
        task: key("a"),
        reason: Reason::KilledByOperator,
        grace: DEFAULT_KILL_GRACE,
    };
    let expected = [persist(requested), persist(record(killing.clone()))];
    assert_eq!(effects, expected);
    let order = Effect::Kill {
        runner_id,
        task: key("a"),
        grace: DEFAULT_KILL_GRACE,
    };
    assert_eq!(rig.written(), [order.clone(), told(killing)]);
    // Asked again, the runner is told again; the first reason stays.
    let effects = rig.master(kill("a", Reason::KillRequested));
    assert_eq!(effects, [order]);
    let mut last = update("a", 2, TaskState::Killed);
    last = because(last, Reason::KilledByOperator, "");
    last.usage = usage();
    let effects = rig.input(ended(runner_id, 1, "a", Outcome::Killed));
    assert_eq!(effects, [persist(of_event(last, runner_id, 1))]);
}

#[test]
fn a_grace_is_logged_and_a_shorter_one_counts_from_then_on() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    let kill = |grace| AgentEvent::Kill {
        task: key("a"),
        reason: Reason::KillRequested,
        grace,
    };
    let order = |grace| Effect::Kill {
        runner_id,
        task: key("a"),
        grace,
    };
    let minute = Duration::from_mins(1);
    let requested = Record::KillRequested {
        task: key("a"),
        reason: Reason::KillRequested,
        grace: minute,
    };
    assert_eq!(rig.master(kill(Some(minute)))[0], persist(requested));
    assert_eq!(rig.written()[0], order(minute));
    assert_eq!(rig.master(kill(Some(minute * 2))), [order(minute)]);
    assert_eq!(rig.master(kill(None)), [order(DEFAULT_KILL_GRACE)]);
    let at_once = kill(Some(Duration::ZERO));
    assert_eq!(rig.master(at_once), [order(Duration::ZERO)]);
    // A later daemon finds the one that was written.
    let log = replay(rig.records.clone());
    assert_eq!(log.tasks[0].kill, Some((Reason::KillRequested, minute)));
}

#[test]
fn a_task_that_starts_after_its_kill_is_not_told_to_run() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(kill("a", Reason::KillRequested));
    assert_eq!(rig.input(started(runner_id, 1, "a")), []);
}

#[test]
fn a_killed_task_that_ends_by_itself_ends_as_it_did() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(kill("a", Reason::KillRequested));
    let effects = rig.input(ended(runner_id, 1, "a", EXITED));
    let last = of_event(finished("a", 2), runner_id, 1);
    assert_eq!(effects, [persist(last)]);
}

#[test]
fn a_killed_task_whose_runner_ends_is_killed() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(kill("a", Reason::KillRequested));
    rig.written();
    let effects = rig.input(lost(runner_id, "signal 9"));
    let last = update("a", 2, TaskState::Killed);
    let last = because(last, Reason::KillRequested, "signal 9");
    let ended = Record::RunnerEnded { runner_id };
    assert_eq!(effects, [persist(ended), persist(record(last))]);
}

#[test]
fn a_kill_of_what_is_not_here_or_over_is_ignored() {
    let mut rig = Rig::registered();
    assert_eq!(rig.master(kill("a", Reason::KillRequested)), []);
    let runner_id = rig.running("a");
    rig.input(ended(runner_id, 1, "a", EXITED));
    assert_eq!(rig.master(kill("a", Reason::KillRequested)), []);
}

#[test]
fn all_tasks_of_a_framework_that_is_shut_down_end_and_are_told_once() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(launches(launch("b")));
    rig.master(launches(launch_of(2, "c", "cpus=1")));
    rig.written();
    let effects = rig.master(AgentEvent::ShutdownFramework {
        framework_id: framework(1),
    });
    let killing = update("a", 1, TaskState::Killing);
    let killing = because(killing, Reason::FrameworkRemoved, "");
    let killed = update("b", 1, TaskState::Killed);
    let killed = because(killed, Reason::FrameworkRemoved, "killed before it ran");
    let requested = Record::KillRequested {
        task: key("a"),
        reason: Reason::FrameworkRemoved,
        grace: DEFAULT_KILL_GRACE,
    };
    let expected = [
        persist(requested),
        persist(record(killing.clone())),
        cancelled("b"),
        persist(record(killed.clone())),
    ];
    assert_eq!(effects, expected);
    let order = Effect::Kill {
        runner_id,
        task: key("a"),
        grace: DEFAULT_KILL_GRACE,
    };
    let acknowledged = Record::Acknowledged {
        task: key("a"),
        number: 1,
    };
    let expected = [
        order,
        told(killing),
        persist(acknowledged),
        told(killed),
        persist(Record::Forgotten { task: key("b") }),
    ];
    assert_eq!(rig.written(), expected);
    assert_eq!(rig.written(), [Effect::Forgotten { task: key("b") }]);
    // Its last task over, its runner is not kept.
    let effects = rig.input(ended(runner_id, 1, "a", Outcome::Killed));
    assert_eq!(effects.last(), Some(&Effect::StopRunner { runner_id }));
}
