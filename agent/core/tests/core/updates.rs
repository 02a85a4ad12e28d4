//! The status updates: in order, at most four under way, again until acknowledged.

use std::time::Duration;

use stoker_agent_core::{ConnectionId, Effect, Input, PreparePhase, Record};
use stoker_types::{
    Reason, RunnerId, StatusUpdate, TaskState, Timestamp,
    agent::{AgentCall, AgentEvent},
};

use crate::support::*;

fn acknowledge(name: &str, number: u64) -> AgentEvent {
    AgentEvent::Acknowledge {
        task: key(name),
        number,
    }
}

fn acknowledged(name: &str, number: u64) -> Effect {
    persist(Record::Acknowledged {
        task: key(name),
        number,
    })
}

/// A task that has told FETCHING, COMPILING, RUNNING and KILLING, and its end, unless it is over.
fn talkative(rig: &mut Rig) -> RunnerId {
    rig.master(AgentEvent::Launch(Box::new(launch("a"))));
    rig.written();
    for phase in [PreparePhase::Fetching, PreparePhase::Compiling] {
        let task = key("a");
        rig.input(Input::Preparing { task, phase });
        rig.wait(Duration::from_millis(200));
        rig.written();
    }
    let (runner_id, _) = start_of(&rig.input(prepared("a")));
    rig.written();
    rig.input(ready(runner_id));
    rig.written();
    rig.input(started(runner_id, 1, "a"));
    rig.master(AgentEvent::Kill {
        task: key("a"),
        reason: Reason::KillRequested,
        grace: None,
    });
    rig.written();
    rig.input(ended(runner_id, 2, "a", EXITED));
    runner_id
}

fn numbers(effects: &[Effect]) -> Vec<(u64, TaskState)> {
    let updates = effects.iter().filter_map(|effect| match effect {
        Effect::ToMaster {
            call: AgentCall::Update(update),
            ..
        } => Some((update.number, update.state)),
        _ => None,
    });
    updates.collect()
}

#[test]
fn a_fifth_update_waits_for_an_acknowledgement() {
    let mut rig = Rig::registered();
    let runner_id = talkative(&mut rig);
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 2,
    };
    assert_eq!(rig.written(), [confirmed]);
    let effects = rig.master(acknowledge("a", 2));
    assert_eq!(effects[0], acknowledged("a", 2));
    assert_eq!(numbers(&effects), [(5, TaskState::Finished)]);
    assert_eq!(effects.len(), 2);
    assert_eq!(rig.agent.view().unacknowledged_updates, 3);
}

#[test]
fn an_acknowledged_end_is_forgotten_when_that_is_written() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    rig.input(ended(runner_id, 2, "a", EXITED));
    rig.written();
    let forgotten = Record::Forgotten { task: key("a") };
    let effects = rig.master(acknowledge("a", 2));
    assert_eq!(effects, [persist(forgotten)]);
    assert_eq!(rig.master(acknowledge("a", 2)), []);
    assert_eq!(rig.written(), [Effect::Forgotten { task: key("a") }]);
    assert_eq!(rig.master(acknowledge("a", 2)), []);
    assert!(rig.agent.view().tasks.is_empty());
}

#[test]
fn an_acknowledgement_of_what_was_never_told_is_ignored() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(ended(runner_id, 1, "a", EXITED));
    assert_eq!(rig.master(acknowledge("a", 1)), []);
    assert_eq!(rig.written().last(), Some(&told(finished("a", 1))));
    assert_eq!(rig.master(acknowledge("a", 2)), []);
    assert_eq!(rig.master(acknowledge("unknown", 1)), []);
}

/// The next time at which something is sent, and what.
fn next(rig: &mut Rig) -> (Duration, Vec<(u64, TaskState)>) {
    let before = rig.now;
    rig.now = rig.agent.deadline().expect("a deadline");
    let effects = rig.input(Input::Tick);
    (rig.now.since(before), numbers(&effects))
}

fn is_about(span: Duration, seconds: u64) -> bool {
    let ideal = Duration::from_secs(seconds);
    (ideal - ideal / 8..=ideal + ideal / 8).contains(&span)
}

/// A task that is running and told so, on an agent whose list of runners is told.
fn running(rig: &mut Rig) -> (RunnerId, StatusUpdate) {
    let runner_id = rig.running("a");
    rig.wait(Duration::from_millis(100));
    rig.input(started(runner_id, 1, "a"));
    let effects = rig.written();
    let Some(Effect::ToMaster {
        call: AgentCall::Update(update),
        ..
    }) = effects.last()
    else {
        panic!("not told: {effects:?}");
    };
    (runner_id, update.clone())
}

#[test]
fn an_update_is_sent_again_after_one_second_doubling_to_sixty_with_jitter() {
    let mut rig = Rig::registered();
    running(&mut rig);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        let (span, sent) = next(&mut rig);
        assert!(is_about(span, seconds), "{span:?} for {seconds} s");
        assert_eq!(sent, [(1, TaskState::Running)]);
    }
}

#[test]
fn the_times_differ_from_task_to_task() {
    let mut rig = Rig::registered();
    rig.running("b");
    let (runner_id, _) = running(&mut rig);
    rig.input(started(runner_id, 2, "b"));
    rig.written();
    next(&mut rig);
    let (after_the_first, sent) = next(&mut rig);
    assert_eq!(sent, [(1, TaskState::Running)]);
    assert_ne!(after_the_first, Duration::ZERO);
}

#[test]
fn an_acknowledgement_starts_the_times_anew() {
    let mut rig = Rig::registered();
    let (runner_id, _) = running(&mut rig);
    next(&mut rig);
    next(&mut rig);
    rig.input(ended(runner_id, 2, "a", EXITED));
    let sent = rig.written();
    assert_eq!(numbers(&sent), [(2, TaskState::Finished)]);
    rig.wait(Duration::from_millis(100));
    let effects = rig.master(acknowledge("a", 1));
    assert_eq!(effects, [acknowledged("a", 1)]);
    let (span, sent) = next(&mut rig);
    assert!(is_about(span, 1), "{span:?}");
    assert_eq!(sent, [(2, TaskState::Finished)]);
    rig.master(acknowledge("a", 2));
    rig.written();
    let idle_only = rig.wait(Duration::from_secs(20));
    assert_eq!(numbers(&idle_only), []);
}

#[test]
fn updates_under_way_are_sent_again_together_and_in_order() {
    let mut rig = Rig::registered();
    let (runner_id, _) = running(&mut rig);
    rig.input(ended(runner_id, 2, "a", EXITED));
    rig.written();
    rig.wait(Duration::from_millis(100));
    let (_, sent) = next(&mut rig);
    assert_eq!(sent, [(1, TaskState::Running), (2, TaskState::Finished)]);
}

#[test]
fn a_scheduler_that_is_back_gets_its_updates_at_once() {
    let mut rig = Rig::registered();
    let (_, running) = running(&mut rig);
    next(&mut rig);
    let resend = |number| AgentEvent::ResendUpdates {
        framework_id: framework(number),
    };
    assert_eq!(rig.master(resend(1)), [told(running)]);
    let (span, _) = next(&mut rig);
    assert!(is_about(span, 1), "{span:?}");
    assert_eq!(rig.master(resend(2)), []);
}

#[test]
fn nothing_is_sent_without_a_master_and_everything_after_the_registration() {
    let mut rig = Rig::registered();
    let (runner_id, running) = running(&mut rig);
    rig.input(disconnected(1));
    assert_eq!(rig.agent.deadline(), None);
    rig.input(ended(runner_id, 2, "a", EXITED));
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 2,
    };
    assert_eq!(rig.written(), [confirmed]);
    let mut last = finished("a", 2);
    last.at = rig.now;
    let told = |update| call(2, AgentCall::Update(update));
    assert_eq!(rig.register(2), [told(running), told(last)]);
}

#[test]
fn an_acknowledgement_on_a_new_stream_of_what_was_told_on_an_old_one_counts() {
    let mut rig = Rig::registered();
    let (_, _) = running(&mut rig);
    rig.input(disconnected(1));
    rig.register(2);
    let effects = rig.input(from_master(2, 1, acknowledge("a", 1)));
    assert_eq!(effects, [acknowledged("a", 1)]);
}

#[test]
fn updates_of_a_shut_down_framework_that_nobody_heard_are_told_at_the_next_registration() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.master(AgentEvent::ShutdownFramework {
        framework_id: framework(1),
    });
    rig.written();
    rig.input(disconnected(1));
    rig.input(lost(runner_id, "signal 9"));
    assert_eq!(rig.written(), []);
    let effects = rig.register(2);
    assert_eq!(numbers(&effects), [(2, TaskState::Killed)]);
    let forgotten = Record::Forgotten { task: key("a") };
    assert_eq!(effects.last(), Some(&persist(forgotten)));
}

#[test]
fn an_update_says_when_it_was_made() {
    let mut rig = Rig::registered();
    rig.wait(Duration::from_secs(9));
    let (_, running) = running(&mut rig);
    assert_eq!(running.at, rig.now);
    assert!(running.at > Timestamp::default());
    let effects = rig.input(Input::Disconnected {
        connection: ConnectionId(77),
    });
    assert_eq!(effects, []);
}

#[test]
fn an_end_waits_for_its_sync_and_a_start_for_no_sync() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    rig.written();
    rig.input(ended(runner_id, 2, "a", EXITED));
    rig.master(AgentEvent::Launch(Box::new(launch("b"))));
    assert_eq!(rig.written_unsynced(), [prepare("b")]);
    rig.input(prepared("b"));
    assert_eq!(rig.written_unsynced(), [run(runner_id, "b")]);
    rig.input(started(runner_id, 3, "b"));
    // The log holds the event before as well, and no power cut leaves the runner.
    let confirm = Effect::ConfirmEvent {
        runner_id,
        event: 3,
    };
    let running = told(update("b", 1, TaskState::Running));
    assert_eq!(rig.written_unsynced(), [confirm, running]);
    assert_eq!(rig.written(), [told(finished("a", 2))]);
}
