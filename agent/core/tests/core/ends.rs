//! What a runner tells of a task, and what becomes of it: RUNNING, and one of the ends.

use stoker_agent_core::{Durability, Effect, Input};
use stoker_types::{
    Reason, RunnerId, TaskState,
    runner::{Event, NumberedEvent, Outcome},
};

use crate::support::*;

fn confirmed(runner_id: RunnerId, event: u64) -> Effect {
    Effect::ConfirmEvent { runner_id, event }
}

#[test]
fn a_started_task_is_running_when_that_is_written() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    let running = update("a", 1, TaskState::Running);
    let effects = rig.input(started(runner_id, 1, "a"));
    let record = of_event(running.clone(), runner_id, 1);
    assert_eq!(record.durability(), Durability::Written);
    assert_eq!(effects, [persist(record)]);
    assert!(!rig.agent.view().tasks.contains_key(&TaskState::Running));
    assert_eq!(rig.written(), [confirmed(runner_id, 1), told(running)]);
    assert_eq!(rig.agent.view().tasks, [(TaskState::Running, 1)].into());
}

#[test]
fn each_outcome_has_its_state_and_its_reason() {
    let failed = |reason, message: &str| Outcome::Failed {
        reason,
        message: message.to_owned(),
    };
    let end = |state| {
        let mut update = update("a", 1, state);
        update.usage = usage();
        update
    };
    let mut exited_3 = because(
        end(TaskState::Failed),
        Reason::ExitCode,
        "exited with code 3",
    );
    exited_3.exit_code = Some(3);
    let cases = [
        (EXITED, finished("a", 1)),
        (Outcome::Exited { code: 3 }, exited_3),
        (
            failed(Reason::Trap, "unreachable"),
            because(end(TaskState::Failed), Reason::Trap, "unreachable"),
        ),
        (
            failed(Reason::MemoryLimit, "64 MiB"),
            because(end(TaskState::Failed), Reason::MemoryLimit, "64 MiB"),
        ),
        (
            failed(Reason::ModuleInvalid, "no _start"),
            because(end(TaskState::Error), Reason::ModuleInvalid, "no _start"),
        ),
        (
            Outcome::Killed,
            because(end(TaskState::Killed), Reason::AgentStopped, ""),
        ),
    ];
    for (outcome, last) in cases {
        let mut rig = Rig::registered();
        let runner_id = rig.running("a");
        let effects = rig.input(ended(runner_id, 1, "a", outcome));
        let record = of_event(last.clone(), runner_id, 1);
        assert_eq!(record.durability(), Durability::Synced);
        assert_eq!(effects, [persist(record)]);
        assert_eq!(rig.written(), [confirmed(runner_id, 1), told(last)]);
        assert!(rig.agent.view().used.is_empty());
    }
}

#[test]
fn running_is_not_told_after_the_end() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(ended(runner_id, 1, "a", EXITED));
    assert_eq!(rig.input(started(runner_id, 2, "a")), []);
    assert_eq!(rig.input(ended(runner_id, 3, "a", Outcome::Killed)), []);
}

#[test]
fn an_event_that_came_before_changes_nothing_and_is_confirmed_if_it_is_safe() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    assert_eq!(rig.input(started(runner_id, 1, "a")), []);
    rig.written();
    let effects = rig.input(started(runner_id, 1, "a"));
    assert_eq!(effects, [confirmed(runner_id, 1)]);
}

#[test]
fn an_event_that_leaves_nothing_to_write_is_confirmed_with_the_next_one() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    assert_eq!(rig.input(started(runner_id, 2, "a")), []);
    let running = update("a", 1, TaskState::Running);
    assert_eq!(rig.written(), [confirmed(runner_id, 1), told(running)]);
    rig.input(ended(runner_id, 3, "a", EXITED));
    let last = finished("a", 2);
    assert_eq!(rig.written(), [confirmed(runner_id, 3), told(last)]);
}

#[test]
fn a_runner_says_nothing_of_tasks_that_it_does_not_have() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    let event = Event::Started {
        task: key_of(2, "a"),
    };
    let event = NumberedEvent { number: 1, event };
    assert_eq!(rig.input(Input::Runner { runner_id, event }), []);
    let stranger = RunnerId::from_bits(99);
    assert_eq!(rig.input(ended(stranger, 1, "a", EXITED)), []);
    assert_eq!(rig.input(started(stranger, 1, "unknown")), []);
}

#[test]
fn the_end_of_a_runner_is_the_end_of_its_tasks() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(started(runner_id, 1, "a"));
    rig.written();
    let effects = rig.input(lost(runner_id, "the runner was ended by signal 9"));
    let last = because(
        update("a", 2, TaskState::Failed),
        Reason::RunnerLost,
        "the runner was ended by signal 9",
    );
    let ended = stoker_agent_core::Record::RunnerEnded { runner_id };
    assert_eq!(effects, [persist(ended), persist(record(last.clone()))]);
    assert_eq!(rig.written(), [told(last)]);
    assert!(rig.agent.view().used.is_empty());
    assert_eq!(rig.input(lost(runner_id, "again")), []);
}

#[test]
fn an_end_that_was_told_before_the_runner_ended_stays() {
    let mut rig = Rig::registered();
    let runner_id = rig.running("a");
    rig.input(ended(runner_id, 1, "a", EXITED));
    let ended = stoker_agent_core::Record::RunnerEnded { runner_id };
    assert_eq!(rig.input(lost(runner_id, "signal 9")), [persist(ended)]);
    assert_eq!(rig.written(), [told(finished("a", 1))]);
}
