//! Runners: started, tried again, kept warm, stopped, listed.

use std::time::Duration;

use stoker_agent_core::{Effect, Input, Record};
use stoker_types::{
    Reason, RunnerId, TaskState,
    agent::{AgentCall, AgentEvent, RunnerInfo},
};

use crate::support::*;

/// A task whose runner is being started.
fn starting(rig: &mut Rig, name: &str) -> RunnerId {
    rig.master(AgentEvent::Launch(Box::new(launch(name))));
    rig.written();
    let (runner_id, _) = start_of(&rig.input(prepared(name)));
    rig.written();
    runner_id
}

fn runner_ended(runner_id: RunnerId) -> Effect {
    persist(Record::RunnerEnded { runner_id })
}

#[test]
fn a_runner_that_does_not_start_is_tried_again_three_times_later_and_later() {
    let mut rig = Rig::registered();
    let mut runner_id = starting(&mut rig, "a");
    for milliseconds in [250, 500, 1000] {
        let effects = rig.input(lost(runner_id, "cannot fork"));
        assert_eq!(effects, [runner_ended(runner_id)]);
        assert_eq!(rig.written(), []);
        let waited = rig.wait(Duration::from_millis(milliseconds - 1));
        assert!(
            !waited
                .iter()
                .any(|effect| matches!(effect, Effect::Persist { .. }))
        );
        (runner_id, _) = start_of(&rig.wait(Duration::from_millis(1)));
        rig.written();
    }
    let effects = rig.input(lost(runner_id, "cannot fork"));
    let mut last = because(
        update("a", 1, TaskState::Failed),
        Reason::LaunchFailed,
        "no runner could be started, 4 times: cannot fork",
    );
    last.at = rig.now;
    let cancelled = Effect::CancelPrepare { task: key("a") };
    let expected = [
        runner_ended(runner_id),
        cancelled,
        persist(record(last.clone())),
    ];
    assert_eq!(effects, expected);
    assert_eq!(rig.written(), [told(last)]);
}

#[test]
fn a_runner_that_ends_while_a_hand_over_is_written_takes_no_task_with_it() {
    let mut rig = Rig::registered();
    let runner_id = starting(&mut rig, "a");
    rig.input(ready(runner_id));
    let effects = rig.input(lost(runner_id, "signal 9"));
    assert_eq!(effects, [runner_ended(runner_id)]);
    assert_eq!(rig.written(), []);
    let (second, _) = start_of(&rig.wait(Duration::from_millis(250)));
    rig.written();
    rig.input(ready(second));
    assert_eq!(rig.written(), [run(second, "a")]);
}

#[test]
fn tasks_that_wait_behind_a_runner_that_had_tasks_get_another_at_once() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(AgentEvent::Launch(Box::new(launch("b"))));
    rig.written();
    rig.input(prepared("b"));
    let effects = rig.input(lost(runner_id, "signal 9"));
    let last = update("a", 1, TaskState::Failed);
    let last = because(last, Reason::RunnerLost, "signal 9");
    let (second, nonce) = start_of(&effects);
    let started = Record::RunnerStarted {
        runner_id: second,
        nonce,
        tenant: tenant(1),
    };
    let expected = [
        runner_ended(runner_id),
        persist(record(last)),
        persist(started),
    ];
    assert_eq!(effects, expected);
}

#[test]
fn a_runner_that_ends_for_nobody_is_not_started_again() {
    let mut rig = Rig::registered();
    let runner_id = starting(&mut rig, "a");
    rig.master(AgentEvent::Kill {
        task: key("a"),
        reason: Reason::KillRequested,
        grace: None,
    });
    rig.written();
    let effects = rig.input(lost(runner_id, "cannot fork"));
    assert_eq!(effects, [runner_ended(runner_id)]);
    let later = rig.wait(Duration::from_millis(700));
    assert!(
        !later
            .iter()
            .any(|effect| matches!(effect, Effect::Persist { .. }))
    );
}

/// A registered agent whose runner has just become idle, and whose master is away.
fn idle() -> (Rig, RunnerId) {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(disconnected(1));
    rig.input(ended(runner_id, 1, "a", EXITED));
    rig.written();
    (rig, runner_id)
}

#[test]
fn an_idle_runner_is_stopped_after_a_while() {
    let (mut rig, runner_id) = idle();
    assert_eq!(rig.wait(Duration::from_millis(29_999)), []);
    let effects = rig.wait(Duration::from_millis(1));
    assert_eq!(effects, [Effect::StopRunner { runner_id }]);
    let effects = rig.input(lost(runner_id, "it was stopped"));
    assert_eq!(effects, [runner_ended(runner_id)]);
    assert_eq!(rig.agent.deadline(), None);
}

#[test]
fn a_new_task_finds_its_runner_warm() {
    let (mut rig, runner_id) = idle();
    rig.wait(Duration::from_secs(29));
    rig.register(2);
    let launches = AgentEvent::Launch(Box::new(launch("b")));
    rig.input(from_master(2, 1, launches));
    rig.written();
    let later = rig.wait(Duration::from_secs(60));
    let stop = Effect::StopRunner { runner_id };
    assert!(!later.contains(&stop));
    rig.input(prepared("b"));
    assert_eq!(rig.written(), [run(runner_id, "b")]);
}

#[test]
fn a_task_that_comes_while_the_runner_is_stopping_gets_another() {
    let (mut rig, runner_id) = idle();
    rig.wait(Duration::from_secs(30));
    rig.register(2);
    let launches = AgentEvent::Launch(Box::new(launch("b")));
    rig.input(from_master(2, 1, launches));
    rig.written();
    let (second, _) = start_of(&rig.input(prepared("b")));
    assert_ne!(second, runner_id);
    let effects = rig.input(lost(runner_id, "it was stopped"));
    assert_eq!(effects, [runner_ended(runner_id)]);
}

/// A registered agent whose runners take two tasks, with three tasks of a tenant that are ready.
fn crowded() -> (Rig, RunnerId, RunnerId) {
    let mut config = config();
    config.limits.tasks_per_runner = 2;
    let mut rig = Rig::configured(config);
    rig.register(1);
    let first = rig.running("a");
    assert_eq!(rig.running("b"), first);
    let second = starting(&mut rig, "c");
    assert_ne!(second, first);
    (rig, first, second)
}

#[test]
fn a_task_that_no_runner_has_room_for_gets_another_one() {
    let (mut rig, _, second) = crowded();
    let task = key("c");
    let runner_id = second;
    let handed_over = persist(Record::HandedOver { task, runner_id });
    assert_eq!(rig.input(ready(second)), [handed_over]);
    assert_eq!(rig.written(), [run(second, "c")]);
}

#[test]
fn a_waiting_task_takes_the_room_that_becomes_free_first() {
    let (mut rig, first, second) = crowded();
    let effects = rig.input(ended(first, 1, "a", EXITED));
    let task = key("c");
    let runner_id = first;
    assert!(effects.contains(&persist(Record::HandedOver { task, runner_id })));
    rig.written();
    // The one that comes too late is idle from the start.
    rig.input(ready(second));
    let effects = rig.wait(Duration::from_secs(30));
    let runner_id = second;
    assert!(effects.contains(&Effect::StopRunner { runner_id }));
}

#[test]
fn the_fullest_runner_gets_the_next_task() {
    let (mut rig, first, second) = crowded();
    rig.input(ready(second));
    rig.written();
    rig.input(ended(second, 1, "c", EXITED));
    rig.input(ended(first, 1, "a", EXITED));
    rig.written();
    rig.master(AgentEvent::Launch(Box::new(launch("d"))));
    rig.written();
    rig.input(prepared("d"));
    assert!(rig.written().contains(&run(first, "d")));
}

#[test]
fn of_too_many_idle_runners_the_one_that_was_idle_longest_is_stopped() {
    let mut config = config();
    config.limits.idle_runners = 1;
    let mut rig = Rig::configured(config);
    rig.register(1);
    let first = rig.running("a");
    rig.input(ended(first, 1, "a", EXITED));
    rig.wait(Duration::from_millis(10));
    let launches = AgentEvent::Launch(Box::new(launch_of(2, "b", "cpus=1")));
    rig.master(launches);
    rig.written();
    let (second, _) = start_of(&rig.input(prepared_key(key_of(2, "b"))));
    rig.written();
    rig.input(ready(second));
    rig.written();
    let effects = rig.input(lost_task(second));
    assert_eq!(
        effects.last(),
        Some(&Effect::StopRunner { runner_id: first })
    );
}

/// The end of the second framework's task.
fn lost_task(runner_id: RunnerId) -> Input {
    let event = stoker_types::runner::Event::Ended {
        task: key_of(2, "b"),
        outcome: EXITED,
        usage: usage(),
    };
    let event = stoker_types::runner::NumberedEvent { number: 1, event };
    Input::Runner { runner_id, event }
}

#[test]
fn the_idle_runner_of_a_shut_down_framework_is_stopped_at_once() {
    let (mut rig, runner_id) = idle();
    rig.register(2);
    let shutdown = AgentEvent::ShutdownFramework {
        framework_id: framework(1),
    };
    let effects = rig.input(from_master(2, 1, shutdown));
    assert!(effects.contains(&Effect::StopRunner { runner_id }));
}

#[test]
fn a_runner_that_nobody_started_is_ended() {
    let mut rig = Rig::new();
    let runner_id = RunnerId::from_bits(5);
    let effects = rig.input(ready(runner_id));
    assert_eq!(effects, [Effect::StopRunner { runner_id }]);
}

#[test]
fn changes_of_the_runners_are_told_together_after_100_ms() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.running("b");
    assert_eq!(rig.wait(Duration::from_millis(99)), []);
    let list = |tasks| {
        let info = RunnerInfo {
            id: runner_id,
            pid: 100,
            framework_id: framework(1),
            role: tenant(1).role,
            tasks,
        };
        call(1, AgentCall::Runners(vec![info]))
    };
    assert_eq!(rig.wait(Duration::from_millis(1)), [list(2)]);
    assert_eq!(rig.wait(Duration::from_secs(1)), []);
    rig.input(ended(runner_id, 1, "b", EXITED));
    assert_eq!(rig.wait(Duration::from_millis(100)), [list(1)]);
    rig.input(lost(runner_id, "signal 9"));
    let nothing = call(1, AgentCall::Runners(Vec::new()));
    assert_eq!(rig.wait(Duration::from_millis(100)), [nothing]);
}
