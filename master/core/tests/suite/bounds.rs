//! Every bound: what is past it is refused with its name, or forgotten, oldest first.

use std::time::Duration;

use stoker_master_core::{Config, Limits, Recovered};
use stoker_types::{FrameworkId, TaskState, scheduler::Call};

use super::fixture::{
    Fixture, HOUR, NO_FILTER, accept, acknowledge, decline, ephemeral_info, failed, register,
    snapshot, subscribe, task, told,
};

const TRY_AGAIN: &str = "try again when there are fewer, or have the operator raise it";

fn with(change: impl Fn(&mut Limits)) -> Fixture {
    let mut config = Config::default();
    change(&mut config.limits);
    Fixture::with(config, Recovered::default()).0
}

/// An ephemeral framework on stream 1 and agent 1 on stream 11, whose offer is out.
fn cluster(change: impl Fn(&mut Limits)) -> (Fixture, FrameworkId) {
    let mut fixture = with(change);
    fixture.call(1, subscribe(ephemeral_info(), None));
    let id = fixture.names.last();
    fixture.registered(11, 1, Vec::new());
    fixture.shown();
    fixture.wait(Duration::from_millis(10));
    (fixture, id)
}

#[test]
fn an_agent_too_many_is_refused() {
    let mut fixture = with(|limits| limits.agents = 1);
    fixture.registered(11, 1, Vec::new());
    assert_eq!(
        fixture.agent(12, register(2)),
        [
            format!("c12 <- refused: the limit `agents` of 1 is reached: {TRY_AGAIN}"),
            "end c12".to_owned()
        ]
    );
    // One that is known may return.
    fixture.agent_gone(11);
    let lines = fixture.registered(13, 1, Vec::new());
    assert_eq!(lines, ["c13 <- registered A1 in epoch 1"]);
}

#[test]
fn a_framework_too_many_is_refused_until_one_is_over() {
    let mut fixture = with(|limits| limits.frameworks = 1);
    fixture.call(1, subscribe(ephemeral_info(), None));
    assert_eq!(
        fixture.call(2, subscribe(ephemeral_info(), None)),
        [
            format!("c2 <- error: the limit `frameworks` of 1 is reached: {TRY_AGAIN}"),
            "end c2".to_owned()
        ]
    );
    fixture.call(1, Call::Teardown);
    let lines = fixture.call(3, subscribe(ephemeral_info(), None));
    assert_eq!(lines, ["c3 <- subscribed F2"]);
}

#[test]
fn a_task_too_many_is_dropped() {
    let (mut fixture, _) = cluster(|limits| limits.tasks_per_framework = 1);
    let lines = fixture.call(1, accept(&[1], vec![task("a"), task("b")], HOUR));
    assert_eq!(
        lines,
        [
            "c11 <- launch F1/a default cpus=1;mem=1.0 GiB;fuel=5000",
            "c1 <- update F1/b#0 A1 TASK_DROPPED INSUFFICIENT_RESOURCES: the limit \
             `tasks_per_framework` of 1 is reached",
        ]
    );
    let tasks = vec!["a".parse().unwrap(), "b".parse().unwrap()];
    assert_eq!(
        fixture.call(1, Call::Reconcile { tasks }),
        [format!(
            "c1 <- refused 3: the limit `tasks_per_framework` of 1 is reached: {TRY_AGAIN}"
        )]
    );
}

#[test]
fn an_agent_that_tells_too_many_tasks_is_refused() {
    let mut fixture = with(|limits| limits.tasks_per_agent = 1);
    let id = FrameworkId::from_bits(5);
    fixture.agent(11, register(1));
    let tasks = vec![
        told(id, "a", TaskState::Staging, (0, 0)),
        told(id, "b", TaskState::Staging, (0, 0)),
    ];
    assert_eq!(
        fixture.agent(11, snapshot(tasks)),
        [
            format!("c11 <- refused: the limit `tasks_per_agent` of 1 is reached: {TRY_AGAIN}"),
            "end c11".to_owned()
        ]
    );
}

#[test]
fn a_filter_too_many_is_refused_and_nothing_is_declined_or_used() {
    let (mut fixture, _) = cluster(|limits| limits.filters_per_framework = 0);
    let refused = format!("the limit `filters_per_framework` of 0 is reached: {TRY_AGAIN}");
    assert_eq!(
        fixture.call(1, decline(&[1], HOUR)),
        [format!("c1 <- refused 2: {refused}")]
    );
    assert_eq!(
        fixture.call(1, accept(&[1], vec![task("t")], HOUR)),
        [format!("c1 <- refused 3: {refused}")]
    );
    assert!(fixture.shown().is_empty());
}

#[test]
fn a_framework_holds_no_more_offers_than_allowed() {
    let (mut fixture, _) = cluster(|limits| limits.offers_per_framework = 1);
    let lines = fixture.registered(12, 2, Vec::new());
    assert!(
        !lines.iter().any(|line| line.contains("offers")),
        "{lines:?}"
    );
    assert!(fixture.call(1, decline(&[1], HOUR)).is_empty());
    assert_eq!(
        fixture.pass(Duration::from_millis(10)),
        ["c1 <- offers offer-1-2 A2 default cpus=4;mem=4.0 GiB;fuel=20000"]
    );
}

/// Launches a task on `offer` and lets it end, acknowledged.
fn run(fixture: &mut Fixture, id: FrameworkId, name: &str, offer: u64) -> Vec<String> {
    let lines = fixture.call(1, accept(&[offer], vec![task(name)], NO_FILTER));
    fixture.agent(11, failed(id, name, 1));
    fixture.call(1, acknowledge(1, name, 1));
    // All that is free is one offer again.
    let lines_later = fixture.pass(Duration::from_millis(10));
    [lines, lines_later].concat()
}

#[test]
fn of_the_tasks_that_are_over_the_last_ones_are_shown() {
    let (mut fixture, id) = cluster(|limits| limits.shown_ended_tasks_per_framework = 1);
    run(&mut fixture, id, "a", 1);
    fixture.shown();
    run(&mut fixture, id, "b", 2);
    let shown = fixture.shown();
    assert!(shown.contains(&"show F1/a no more".to_owned()), "{shown:?}");
    // Its id is remembered all the same, and acknowledging it again does no harm.
    assert!(fixture.call(1, acknowledge(1, "a", 1)).is_empty());
    let lines = fixture.agent(11, failed(id, "a", 1));
    assert_eq!(lines, ["c11 <- acknowledge F1/a#1"]);
}

#[test]
fn of_the_ids_that_are_used_up_the_last_ones_are_remembered() {
    let (mut fixture, id) = cluster(|limits| {
        limits.shown_ended_tasks_per_framework = 0;
        limits.remembered_task_ids_per_framework = 1;
    });
    run(&mut fixture, id, "a", 1);
    let lines = run(&mut fixture, id, "a", 2);
    assert!(lines[0].contains("TASK_ERROR TASK_INVALID"), "{lines:?}");
    fixture.call(1, Call::Revive { roles: Vec::new() });
    let mut offer = 3;
    let mut lines = run(&mut fixture, id, "b", offer);
    while !lines[0].starts_with("c11 <- launch F1/b") {
        offer += 1;
        lines = run(&mut fixture, id, "b", offer);
    }
    loop {
        offer += 1;
        let lines = run(&mut fixture, id, "a", offer);
        if lines[0].starts_with("c11 <- launch F1/a") {
            break;
        }
        assert!(lines[0].contains("INVALID_OFFERS"), "{lines:?}");
    }
}

#[test]
fn of_the_frameworks_that_are_over_the_last_ones_are_shown() {
    let mut fixture = with(|limits| limits.shown_completed_frameworks = 1);
    for stream in 1..=2 {
        fixture.call(stream, subscribe(ephemeral_info(), None));
        fixture.call(stream, Call::Teardown);
    }
    let shown = fixture.shown();
    assert_eq!(
        shown[shown.len() - 2..],
        ["show F2 Completed", "show F1 no more"]
    );
}

#[test]
fn a_framework_whose_tasks_still_hold_something_is_not_forgotten() {
    let (mut fixture, id) = cluster(|limits| limits.shown_completed_frameworks = 0);
    fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    fixture.call(1, Call::Teardown);
    let shown = fixture.shown();
    assert!(!shown.contains(&"show F1 no more".to_owned()), "{shown:?}");
    fixture.agent(11, failed(id, "t", 1));
    let shown = fixture.shown();
    assert_eq!(
        shown,
        [
            "show A1 Active used nothing offered nothing",
            "show F1/t no more",
            "show F1 no more",
        ]
    );
    // Its id is used up for ever.
    let lines = fixture.call(2, subscribe(ephemeral_info(), Some(id)));
    assert!(
        lines[0].contains("is over, and its id is never valid again"),
        "{lines:?}"
    );
}
