//! Kills and questions: what is sent again until it is answered.

use std::time::Duration;

use stoker_sdk_scheduler::{Reason, TaskId, TaskState};
use stoker_types::scheduler::Call;

use crate::bench::*;

const LOST: Option<Reason> = Some(Reason::AgentDisconnected);
const ANSWERED: Option<Reason> = Some(Reason::Reconciliation);

/// When each of these calls was sent; all must be `expected`.
fn times(calls: &[(Duration, Call)], expected: &Call) -> Vec<Duration> {
    assert!(calls.iter().all(|(_, call)| call == expected), "{calls:?}");
    calls.iter().map(|(at, _)| *at).collect()
}

/// Whether each of the gaps before these moments lies between half of the doubled pause and all
/// of it.
fn assert_growing(times: &[Duration], first: u64, longest: u64) {
    let mut before = Duration::ZERO;
    for (index, at) in times.iter().enumerate() {
        let full = Duration::from_secs((first << index).min(longest));
        let gap = *at - before;
        let shortest = full / 2 - Duration::from_micros(1);
        assert!(
            (shortest..=full).contains(&gap),
            "{times:?}: {gap:?} is not {full:?}"
        );
        before = *at;
    }
}

#[test]
fn a_kill_is_sent_again_at_growing_pauses_until_the_task_has_ended() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    let killed = task_id.clone();
    assert_eq!(
        bench.calls(move |calls| calls.kill(&killed)),
        [kill(&task_id)]
    );
    let killed = task_id.clone();
    assert_eq!(
        bench.calls(move |calls| calls.kill(&killed)),
        [],
        "once is enough"
    );

    let again = times(&bench.pass(Duration::from_secs(300)), &kill(&task_id));
    assert!(again.len() >= 6, "{again:?}");
    assert_growing(&again, 5, 60);

    bench.update(&task_id, 1, TaskState::Killing);
    assert_ne!(
        bench.pass(Duration::from_secs(60)),
        [],
        "it has not ended yet"
    );
    bench.update(&task_id, 2, TaskState::Killed);
    assert_eq!(bench.pass(Duration::from_secs(600)), []);
    let killed = task_id.clone();
    assert_eq!(
        bench.calls(move |calls| calls.kill(&killed)),
        [],
        "it is over"
    );
}

#[test]
fn a_kill_with_a_shorter_grace_is_sent_at_once_and_one_with_a_longer_grace_is_not() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    let mut within = |seconds| {
        let killed = task_id.clone();
        bench.calls(move |calls| calls.kill_within(&killed, Duration::from_secs(seconds)))
    };
    let call = |seconds| Call::Kill {
        task_id: task_id.clone(),
        grace: Some(Duration::from_secs(seconds)),
    };
    assert_eq!(within(60), [call(60)]);
    assert_eq!(within(90), []);
    assert_eq!(within(0), [call(0)]);
    let killed = task_id.clone();
    assert_eq!(bench.calls(move |calls| calls.kill(&killed)), []);
    let again = times(&bench.pass(Duration::from_secs(60)), &call(0));
    assert!(!again.is_empty(), "it is sent again with the shortest one");
}

#[test]
fn a_kill_without_a_master_is_sent_when_there_is_one() {
    let mut bench = Bench::registered();
    let [first, second] = [bench.launch("a"), bench.launch("b")];
    let killed = first.clone();
    bench.calls(move |calls| calls.kill(&killed));
    bench.disconnect();
    let killed = second.clone();
    assert_eq!(bench.calls(move |calls| calls.kill(&killed)), []);

    let mut expected = vec![kill(&first), kill(&second)];
    expected.sort_by_key(|call| format!("{call:?}"));
    expected.push(reconcile(&{
        let mut both = [&first, &second];
        both.sort();
        both
    }));
    assert_eq!(sent(bench.subscribe()), expected);
}

#[test]
fn after_a_return_every_living_task_is_asked_for_until_it_is_answered() {
    let mut bench = Bench::registered();
    let ended = bench.launch("ended");
    bench.update(&ended, 1, TaskState::Finished);
    let [first, second] = [bench.launch("a"), bench.launch("b")];
    bench.update(&first, 1, TaskState::Running);
    bench.disconnect();
    bench.heard();
    assert_eq!(sent(bench.subscribe()), [reconcile(&[&first, &second])]);

    assert_eq!(bench.answer(&first, TaskState::Running), []);
    let again = times(
        &bench.pass(Duration::from_secs(200)),
        &reconcile(&[&second]),
    );
    assert_growing(&again, 2, 60);
    assert!(again.len() >= 6, "{again:?}");

    bench.update(&second, 1, TaskState::Running);
    assert_eq!(bench.pass(Duration::from_secs(300)), []);
}

#[test]
fn an_answer_is_told_only_if_it_says_something_new() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Running);
    bench.disconnect();
    bench.subscribe();
    bench.heard();
    bench.answer(&task_id, TaskState::Running);
    bench.answer(&task_id, TaskState::Staging);
    bench.answer(&task_id, TaskState::Starting);
    assert_eq!(bench.heard(), [], "the same, or older");
    bench.answer(&task_id, TaskState::Unreachable);
    bench.answer(&task_id, TaskState::Running);
    let told = [TaskState::Unreachable, TaskState::Running];
    assert_eq!(
        bench.heard(),
        told.map(|state| Heard::Update(task_id.clone(), state, ANSWERED))
    );
}

#[test]
fn how_a_task_ended_is_its_agents_to_say_where_it_can() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.disconnect();
    bench.subscribe();
    bench.heard();
    // The master has adopted it from its agent, whose update is on its way.
    assert_eq!(bench.answer(&task_id, TaskState::Finished), []);
    assert_eq!(bench.answer(&task_id, TaskState::Finished), []);
    assert_eq!(bench.heard(), []);
    assert_eq!(
        bench.update(&task_id, 2, TaskState::Finished),
        [acknowledge(&task_id, 2)]
    );
    assert_eq!(
        bench.heard(),
        [Heard::Update(task_id.clone(), TaskState::Finished, None)]
    );
    assert_eq!(bench.answer(&task_id, TaskState::Finished), []);
    assert_eq!(bench.pass(Duration::from_secs(300)), []);
    assert_eq!(bench.heard(), []);
}

#[test]
fn an_end_that_no_agent_tells_is_believed_when_it_is_said_again() {
    let mut bench = Bench::registered();
    let old: TaskId = "old".parse().unwrap();
    let asked = [old.clone()];
    bench.calls(|calls| calls.reconcile(asked));
    bench.answer(&old, TaskState::Finished);
    assert_eq!(bench.heard(), []);
    let again = times(&bench.pass(Duration::from_secs(2)), &reconcile(&[&old]));
    assert_growing(&again, 2, 60);
    bench.answer(&old, TaskState::Finished);
    assert_eq!(
        bench.heard(),
        [Heard::Update(old, TaskState::Finished, ANSWERED)]
    );
    assert_eq!(bench.pass(Duration::from_secs(300)), []);
    assert_eq!(bench.live(), []);
}

#[test]
fn a_kill_of_a_task_that_has_ended_is_answered_by_how_it_ended() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    let killed = task_id.clone();
    bench.calls(move |calls| calls.kill(&killed));
    bench.answer(&task_id, TaskState::Failed);
    assert_eq!(bench.heard(), []);
    let calls = bench.pass(Duration::from_secs(2));
    assert_eq!(
        calls.len(),
        1,
        "a question, though no one had asked: {calls:?}"
    );
    bench.answer(&task_id, TaskState::Failed);
    assert_eq!(
        bench.heard(),
        [Heard::Update(task_id, TaskState::Failed, ANSWERED)]
    );
    assert_eq!(
        bench.pass(Duration::from_secs(300)),
        [],
        "neither killed nor asked for"
    );
}

#[test]
fn a_launch_that_no_one_ever_saw_is_dropped_and_killed_if_it_turns_up() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.disconnect();
    bench.subscribe();
    bench.heard();
    assert_eq!(bench.answer(&task_id, TaskState::Unknown), []);
    assert_eq!(
        bench.heard(),
        [Heard::Update(task_id.clone(), TaskState::Dropped, LOST)]
    );
    assert_eq!(bench.live(), []);
    assert_eq!(bench.pass(Duration::from_secs(120)), []);

    let calls = bench.update(&task_id, 1, TaskState::Running);
    assert_eq!(calls, [kill(&task_id), acknowledge(&task_id, 1)]);
    assert_eq!(
        bench.update(&task_id, 2, TaskState::Killed),
        [acknowledge(&task_id, 2)]
    );
    assert_eq!(bench.pass(Duration::from_secs(120)), []);
    assert_eq!(bench.heard(), [], "its author is done with it");
}

#[test]
fn a_task_that_ran_and_that_no_one_knows_any_more_is_the_authors_to_judge() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Running);
    let killed = task_id.clone();
    bench.calls(move |calls| calls.kill(&killed));
    bench.disconnect();
    bench.subscribe();
    bench.heard();
    assert_eq!(bench.answer(&task_id, TaskState::Unknown), []);
    assert_eq!(
        bench.heard(),
        [Heard::Update(task_id.clone(), TaskState::Unknown, ANSWERED)]
    );
    assert_eq!(
        bench.pass(Duration::from_secs(300)),
        [],
        "neither asked for nor killed"
    );

    bench.answer(&task_id, TaskState::Running);
    assert_eq!(
        bench.heard(),
        [Heard::Update(task_id.clone(), TaskState::Running, ANSWERED)]
    );
}

#[test]
fn what_the_author_asks_is_answered_even_if_it_is_nothing_new() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Running);
    bench.heard();
    let old: TaskId = "old".parse().unwrap();
    let asked = [task_id.clone(), old.clone()];
    assert_eq!(
        bench.calls(|calls| calls.reconcile(asked)),
        [reconcile(&[&task_id, &old])]
    );
    bench.answer(&task_id, TaskState::Running);
    assert_eq!(
        bench.heard(),
        [Heard::Update(task_id.clone(), TaskState::Running, ANSWERED)]
    );
    let again = times(&bench.pass(Duration::from_secs(10)), &reconcile(&[&old]));
    assert_growing(&again, 2, 60);
    bench.answer(&old, TaskState::Unknown);
    assert_eq!(
        bench.heard(),
        [Heard::Update(old, TaskState::Unknown, ANSWERED)]
    );
    assert_eq!(bench.pass(Duration::from_secs(300)), []);
}

#[test]
fn nothing_is_asked_about_a_task_that_has_ended() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Finished);
    assert_eq!(bench.calls(move |calls| calls.reconcile([task_id])), []);
    assert_eq!(
        bench.calls(|calls| calls.reconcile([])),
        [],
        "none is not all"
    );
}

#[test]
fn all_can_be_asked_for_once() {
    let mut bench = Bench::registered();
    let all = Call::Reconcile { tasks: Vec::new() };
    assert_eq!(bench.calls(|calls| calls.reconcile_all()), [all]);
    assert_eq!(bench.pass(Duration::from_secs(300)), []);
    let forgotten: TaskId = "forgotten".parse().unwrap();
    bench.heard();
    bench.answer(&forgotten, TaskState::Running);
    assert_eq!(
        bench.heard(),
        [Heard::Update(forgotten, TaskState::Running, ANSWERED)]
    );
}

#[test]
fn every_quarter_of_an_hour_all_living_tasks_are_asked_for() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Running);
    let calls = bench.pass(Duration::from_secs(15 * 60));
    let first = calls
        .first()
        .expect("a question within a quarter of an hour");
    assert!(first.0 >= Duration::from_secs(450), "{calls:?}");
    assert_eq!(first.1, reconcile(&[&task_id]));
}

#[test]
fn many_questions_go_in_batches_of_a_thousand() {
    let mut bench = Bench::registered();
    let tasks: Vec<TaskId> = (0..2500)
        .map(|n| format!("t{n}").parse().unwrap())
        .collect();
    let calls = bench.calls(move |calls| calls.reconcile(tasks));
    let count = |call: &Call| match call {
        Call::Reconcile { tasks } => tasks.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        calls.iter().map(count).collect::<Vec<_>>(),
        [1000, 1000, 500]
    );
}
