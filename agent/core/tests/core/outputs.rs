//! What a task leaves: uploaded when it has exited with 0, and told with its last update.

use stoker_agent_core::{Durability, Effect, Input, Record, UploadFailure, replay};
use stoker_types::{
    Reason, RunnerId, StatusUpdate, TaskState,
    agent::{AgentEvent, Launch},
    runner::Outcome,
};

use crate::support::*;

fn with_output(name: &str) -> Launch {
    let mut launch = launch(name);
    launch.task.outputs = vec![OUTPUT.to_owned()];
    launch
}

/// An agent whose task a runs, and its runner.
fn working() -> (Rig, RunnerId) {
    let mut rig = Rig::registered();
    let runner_id = rig.running_as("a", with_output("a"));
    (rig, runner_id)
}

/// The same when task a has exited with 0, and that is written.
fn uploading() -> (Rig, RunnerId) {
    let (mut rig, runner_id) = working();
    rig.input(ended(runner_id, 1, "a", EXITED));
    rig.written();
    (rig, runner_id)
}

fn pending(runner_event: Option<(RunnerId, u64)>) -> Record {
    Record::OutputsPending {
        task: key("a"),
        usage: usage(),
        runner_event,
    }
}

fn upload() -> Effect {
    Effect::UploadOutputs {
        task: key("a"),
        paths: vec![OUTPUT.to_owned()],
    }
}

fn cancelled() -> Effect {
    Effect::CancelUpload { task: key("a") }
}

fn uploaded() -> Input {
    Input::OutputsUploaded {
        task: key("a"),
        result: Ok(outputs()),
    }
}

fn with_outputs() -> StatusUpdate {
    StatusUpdate {
        outputs: outputs(),
        ..finished("a", 1)
    }
}

fn not_finished(state: TaskState, reason: Reason, message: &str) -> StatusUpdate {
    let update = because(update("a", 1, state), reason, message);
    StatusUpdate {
        exit_code: Some(0),
        usage: usage(),
        ..update
    }
}

fn kill() -> AgentEvent {
    AgentEvent::Kill {
        task: key("a"),
        reason: Reason::KillRequested,
        grace: None,
    }
}

fn killed() -> StatusUpdate {
    let message = "killed before its outputs were uploaded";
    not_finished(TaskState::Killed, Reason::KillRequested, message)
}

#[test]
fn outputs_are_uploaded_when_the_log_knows_and_told_with_the_end() {
    let (mut rig, runner_id) = working();
    let record = pending(Some((runner_id, 1)));
    assert_eq!(record.durability(), Durability::Written);
    let effects = rig.input(ended(runner_id, 1, "a", EXITED));
    assert_eq!(effects, [persist(record)]);
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 1,
    };
    assert_eq!(rig.written(), [confirmed, upload()]);
    assert_eq!(rig.agent.view().used, launch("a").allocated);
    let record = super::support::record(with_outputs());
    assert_eq!(record.durability(), Durability::Synced);
    assert_eq!(rig.input(uploaded()), [persist(record)]);
    assert_eq!(rig.written(), [told(with_outputs())]);
    assert!(rig.agent.view().used.is_empty());
    assert_eq!(rig.input(uploaded()), []);
}

#[test]
fn a_task_that_failed_leaves_nothing() {
    let failed = Outcome::Failed {
        reason: Reason::Trap,
        message: "unreachable".to_owned(),
    };
    for outcome in [Outcome::Exited { code: 1 }, failed, Outcome::Killed] {
        let (mut rig, runner_id) = working();
        let effects = rig.input(ended(runner_id, 1, "a", outcome));
        assert!(matches!(
            effects.as_slice(),
            [Effect::Persist {
                record: Record::Update { .. },
                ..
            }]
        ));
    }
}

#[test]
fn an_output_that_is_not_there_or_not_taken_fails_the_task() {
    for reason in [Reason::OutputMissing, Reason::OutputRefused] {
        let (mut rig, _) = uploading();
        let failure = UploadFailure {
            reason,
            message: "why".to_owned(),
        };
        let effects = rig.input(Input::OutputsUploaded {
            task: key("a"),
            result: Err(failure),
        });
        let last = not_finished(TaskState::Failed, reason, "why");
        assert_eq!(effects, [persist(record(last))]);
    }
}

#[test]
fn a_task_that_is_killed_while_its_outputs_are_uploaded_is_killed() {
    let (mut rig, _) = uploading();
    assert_eq!(rig.master(kill()), [cancelled(), persist(record(killed()))]);
    assert_eq!(rig.written(), [told(killed())]);
    // The driver was faster.
    assert_eq!(rig.input(uploaded()), []);
}

#[test]
fn a_task_that_is_killed_before_the_log_knows_is_not_uploaded() {
    let (mut rig, runner_id) = working();
    rig.input(ended(runner_id, 1, "a", EXITED));
    assert_eq!(rig.master(kill()), [cancelled(), persist(record(killed()))]);
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 1,
    };
    assert_eq!(rig.written(), [confirmed, told(killed())]);
}

#[test]
fn a_killed_task_that_ends_by_itself_is_not_uploaded() {
    let (mut rig, runner_id) = working();
    rig.master(kill());
    let mut last = killed();
    last.number = 2;
    let effects = rig.input(ended(runner_id, 1, "a", EXITED));
    assert_eq!(effects, [persist(of_event(last, runner_id, 1))]);
}

#[test]
fn the_end_of_its_runner_is_nothing_to_a_task_that_has_done_its_work() {
    let (mut rig, runner_id) = uploading();
    let ended = Record::RunnerEnded { runner_id };
    assert_eq!(rig.input(lost(runner_id, "signal 9")), [persist(ended)]);
    assert_eq!(rig.input(uploaded()), [persist(record(with_outputs()))]);
}

#[test]
fn a_new_daemon_uploads_again_whatever_became_of_the_runner() {
    let (rig, runner_id) = uploading();
    let log = rig.records.clone();
    let snapshot = rig.agent.snapshot();
    let runner_ended = Record::RunnerEnded { runner_id };
    let without_runner: Vec<Record> = log.iter().cloned().chain([runner_ended]).collect();
    for (log, is_alone) in [(log, false), (snapshot, false), (without_runner, true)] {
        let recovered = replay(log).recovered(AGENT, BOOT);
        assert_eq!(recovered.tasks[0].outputs_pending, Some(usage()));
        let (mut rig, effects) = Rig::recovered(config(), recovered);
        assert!(effects.contains(&upload()), "{effects:?}");
        assert_eq!(effects.len(), if is_alone { 2 } else { 3 });
        rig.written();
        assert_eq!(rig.input(uploaded()), [persist(record(with_outputs()))]);
    }
}

#[test]
fn a_runner_that_repeats_the_end_changes_nothing() {
    let (rig, runner_id) = uploading();
    let recovered = replay(rig.records.clone()).recovered(AGENT, BOOT);
    let (mut rig, effects) = Rig::recovered(config(), recovered);
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::AdoptRunner {
            confirmed_event: 1,
            ..
        }
    )));
    rig.written();
    rig.input(ready(runner_id));
    let confirmed = Effect::ConfirmEvent {
        runner_id,
        event: 1,
    };
    assert_eq!(rig.input(ended(runner_id, 1, "a", EXITED)), [confirmed]);
}

#[test]
fn what_a_guest_wrote_before_the_machine_was_booted_is_not_uploaded() {
    let (rig, _) = uploading();
    let recovered = replay(rig.records.clone()).recovered(AGENT, "boot-2");
    let (_, effects) = Rig::recovered(config(), recovered);
    assert!(!effects.contains(&upload()));
    let is_gone = |effect: &Effect| matches!(effect, Effect::Persist { record: Record::Update { update, .. }, .. } if update.state == TaskState::Gone);
    assert!(effects.iter().any(is_gone), "{effects:?}");
}
