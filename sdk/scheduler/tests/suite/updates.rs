//! What a scheduler hears of its tasks, and what is acknowledged.

use stoker_sdk_scheduler::{Ending, Reason, TaskId, TaskState, core::Output};
use stoker_types::scheduler::{Event, NumberedCall};

use crate::bench::*;

fn heard(task_id: &TaskId, state: TaskState) -> Heard {
    Heard::Update(task_id.clone(), state, None)
}

#[test]
fn an_update_is_acknowledged_after_the_callback_and_what_that_called() {
    let mut bench = Bench::reacting(|heard, calls| {
        if let Heard::Update(task_id, TaskState::Running, _) = heard {
            calls.kill(task_id);
        }
    });
    let task_id = bench.launch("a");
    let calls = bench.update(&task_id, 1, TaskState::Running);
    assert_eq!(calls, [kill(&task_id), acknowledge(&task_id, 1)]);
    assert_eq!(bench.heard(), [heard(&task_id, TaskState::Running)]);
    assert_eq!(bench.live(), [(task_id, TaskState::Running)]);
}

#[test]
fn an_update_that_comes_again_is_acknowledged_again_and_not_told() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Starting);
    bench.update(&task_id, 2, TaskState::Running);
    bench.heard();
    for number in [2, 1] {
        let calls = bench.update(&task_id, number, TaskState::Starting);
        assert_eq!(calls, [acknowledge(&task_id, number)]);
    }
    assert_eq!(bench.heard(), []);
    assert_eq!(bench.live(), [(task_id, TaskState::Running)]);
}

#[test]
fn an_end_is_final_and_is_acknowledged_as_often_as_it_comes() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Running);
    assert_eq!(
        bench.update(&task_id, 2, TaskState::Finished),
        [acknowledge(&task_id, 2)]
    );
    assert_eq!(bench.live(), []);
    bench.heard();

    assert_eq!(
        bench.update(&task_id, 2, TaskState::Finished),
        [acknowledge(&task_id, 2)]
    );
    assert_eq!(
        bench.update(&task_id, 3, TaskState::Running),
        [acknowledge(&task_id, 3)]
    );
    assert_eq!(bench.answer(&task_id, TaskState::Running), []);
    assert_eq!(bench.heard(), []);
    assert_eq!(bench.live(), []);
}

#[test]
fn what_the_master_says_itself_is_told_and_not_acknowledged() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.update(&task_id, 1, TaskState::Running);
    bench.heard();
    assert_eq!(bench.update(&task_id, 0, TaskState::Unreachable), []);
    assert_eq!(bench.update(&task_id, 0, TaskState::Running), []);
    assert_eq!(
        bench.update(&task_id, 2, TaskState::Finished),
        [acknowledge(&task_id, 2)]
    );
    let states = [
        TaskState::Unreachable,
        TaskState::Running,
        TaskState::Finished,
    ];
    assert_eq!(bench.heard(), states.map(|state| heard(&task_id, state)));
}

#[test]
fn tasks_of_an_earlier_life_are_told_and_known_from_then_on() {
    let mut bench = Bench::registered();
    let old: TaskId = "old".parse().unwrap();
    assert_eq!(
        bench.update(&old, 4, TaskState::Running),
        [acknowledge(&old, 4)]
    );
    assert_eq!(bench.heard(), [heard(&old, TaskState::Running)]);
    assert_eq!(bench.live(), [(old.clone(), TaskState::Running)]);
    assert_eq!(
        bench.update(&old, 5, TaskState::Failed),
        [acknowledge(&old, 5)]
    );
    assert_eq!(bench.live(), []);
}

#[test]
fn a_numbered_update_without_an_agent_is_told_and_cannot_be_acknowledged() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    let mut nonsense = update(&task_id, 1, TaskState::Running);
    nonsense.agent_id = None;
    assert_eq!(bench.event(Event::Update(nonsense)), []);
    assert_eq!(bench.heard(), [heard(&task_id, TaskState::Running)]);
}

#[test]
fn the_last_ten_thousand_ends_are_remembered() {
    let mut bench = Bench::registered();
    let id = |n: u32| format!("t{n}").parse::<TaskId>().unwrap();
    // The check of invariants after each input makes this quadratic: tell it in one go.
    for n in 0..=10_000 {
        let mut outputs = Vec::new();
        let input = stoker_sdk_scheduler::core::Input::Event {
            epoch: bench.epoch,
            event: Event::Update(update(&id(n), 1, TaskState::Finished)),
        };
        bench.core.handle(bench.now, input, &mut outputs);
    }
    bench.heard();
    bench.update(&id(1), 1, TaskState::Finished);
    assert_eq!(bench.heard(), [], "remembered");
    bench.update(&id(0), 1, TaskState::Finished);
    assert_eq!(
        bench.heard(),
        [heard(&id(0), TaskState::Finished)],
        "forgotten"
    );
}

#[test]
fn stopping_at_the_end_of_a_task_still_acknowledges_it() {
    let mut bench = Bench::reacting(|heard, calls| {
        if matches!(heard, Heard::Update(_, TaskState::Finished, _)) {
            calls.stop();
        }
    });
    let task_id = bench.launch("a");
    let outputs = bench.event(Event::Update(update(&task_id, 1, TaskState::Finished)));
    let [
        Output::Send(NumberedCall { call, .. }),
        Output::Stop(Ending::Stopped),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(*call, acknowledge(&task_id, 1));
    assert_eq!(
        bench.update(&task_id, 2, TaskState::Running),
        [],
        "and nothing after that"
    );
}

#[test]
fn a_refused_launch_is_told_and_its_tasks_are_dropped() {
    let mut bench = Bench::registered();
    let before = bench.launch("before");
    let [offer] = bench.offers(["cpus=1;mem=1GiB"]);
    bench.heard();
    let outputs = bench.feed(stoker_sdk_scheduler::core::Input::Command(Box::new(
        move |calls| {
            calls.launch(&offer, [task("a"), task("b")]);
        },
    )));
    let [Output::Send(NumberedCall { call_id, call })] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    let tasks = launched(std::slice::from_ref(call));
    let refused = Event::Refused {
        call_id: *call_id,
        message: "no such role".to_owned(),
    };
    assert_eq!(bench.event(refused), []);
    let told = bench.heard();
    let Heard::Refused(refusal) = &told[0] else {
        panic!("{told:?}");
    };
    assert_eq!((refusal.verb, &refusal.tasks), ("accept", &tasks));
    let dropped = |task_id: &TaskId| {
        Heard::Update(
            task_id.clone(),
            TaskState::Dropped,
            Some(Reason::InvalidOffers),
        )
    };
    assert_eq!(told[1..], [dropped(&tasks[0]), dropped(&tasks[1])]);
    assert_eq!(bench.live(), [(before, TaskState::Staging)]);
}

#[test]
fn a_refusal_names_the_call_unless_it_is_too_long_ago() {
    let mut bench = Bench::registered();
    let task_id = bench.launch("a");
    bench.calls(move |calls| calls.kill(&task_id)); // Calls 1 to 3: subscribe, accept, kill.
    let verb_of = |bench: &mut Bench, call_id| {
        bench.event(Event::Refused {
            call_id,
            message: String::new(),
        });
        match bench.heard().remove(0) {
            Heard::Refused(refusal) => refusal.verb,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(verb_of(&mut bench, 3), "kill");
    assert_eq!(verb_of(&mut bench, 1), "subscribe");
    for unknown in [0, 4, u64::MAX] {
        assert_eq!(verb_of(&mut bench, unknown), "");
    }
    bench.calls(|calls| (0..1024).for_each(|_| calls.revive()));
    assert_eq!(verb_of(&mut bench, 3), "");
    assert_eq!(verb_of(&mut bench, 4), "revive");
}
