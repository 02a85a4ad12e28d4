//! Everything that happens because time passes.

use std::time::Duration;

use stoker_types::{agent::AgentCall, scheduler::Call};

use super::fixture::{
    Fixture, HOUR, accept, cluster, decline, ephemeral_info, subscribe, task, with_running_task,
};

const ALL: &str = "cpus=4;mem=4.0 GiB;fuel=20000";

#[test]
fn a_scheduler_hears_a_heartbeat_every_15_seconds() {
    let mut fixture = Fixture::new();
    fixture.call(1, subscribe(ephemeral_info(), None));
    for _ in 0..2 {
        let lines = fixture.tick_after(Duration::from_secs(15));
        assert_eq!(lines, ["c1 <- heartbeat"]);
    }
}

#[test]
fn an_offer_that_nobody_answers_is_rescinded_after_30_seconds_and_offered_to_others() {
    let (mut fixture, _) = cluster();
    fixture.call(2, subscribe(ephemeral_info(), None));
    fixture.pass(Duration::from_secs(29));
    fixture.shown();
    let lines = fixture.pass(Duration::from_secs(1));
    let expected = [
        "c1 <- rescind offer-1-1".to_owned(),
        format!("c2 <- offers offer-1-2 A1 default {ALL}"),
    ];
    for line in expected {
        assert!(lines.contains(&line), "{lines:?}");
    }
    assert_eq!(
        fixture.shown(),
        [
            format!("show A1 Active used nothing offered {ALL}"),
            "show offer-1-1 no more".to_owned(),
            "show offer-1-2 for F2".to_owned(),
        ]
    );
    // Who comes too late is told so.
    let lines = fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    assert!(lines[0].ends_with("offer-1-1 is not valid any more: nobody answered it in time"));
    assert!(lines[0].contains("TASK_DROPPED INVALID_OFFERS"));
}

#[test]
fn an_offer_that_expired_counts_as_declined_for_five_seconds() {
    let (mut fixture, _) = cluster();
    let offers = |lines: &[String]| {
        let is_offer = |line: &&String| line.contains("offers");
        lines.iter().filter(is_offer).count()
    };
    let lines = fixture.pass(Duration::from_secs(34));
    assert_eq!(offers(&lines), 0, "{lines:?}");
    let lines = fixture.pass(Duration::from_secs(1));
    assert_eq!(offers(&lines), 1, "{lines:?}");
}

#[test]
fn an_answered_offer_does_not_expire() {
    let (mut fixture, _) = cluster();
    fixture.call(1, decline(&[1], HOUR));
    let lines = fixture.pass(Duration::from_secs(31));
    assert!(
        !lines.iter().any(|line| line.contains("rescind")),
        "{lines:?}"
    );
}

#[test]
fn an_agent_is_pinged_every_15_seconds() {
    let mut fixture = Fixture::new();
    fixture.registered(11, 1, Vec::new());
    for _ in 0..6 {
        let lines = fixture.tick_after(Duration::from_secs(15));
        assert_eq!(lines, ["c11 <- ping"]);
        assert!(fixture.agent(11, AgentCall::Pong).is_empty());
    }
}

#[test]
fn an_agent_that_is_silent_for_75_seconds_is_unreachable_when_the_registry_knows() {
    let (mut fixture, _) = with_running_task();
    fixture.call(1, Call::Revive { roles: Vec::new() });
    fixture.pass(Duration::from_millis(74_900));
    fixture.shown();
    let lines: Vec<String> = fixture.pass(Duration::from_millis(100));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(lines.contains(&"end c11"), "{lines:?}");
    let rescinded = "c1 <- rescind offer-1-4";
    assert!(lines.contains(&rescinded), "{lines:?}");
    let persisted = "persist 3: put A1 unreachable since 75s";
    assert!(lines.contains(&persisted), "{lines:?}");
    let shown = fixture.shown();
    let used = "used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing";
    assert_eq!(
        shown,
        [
            format!("show A1 Disconnected {used}"),
            "show offer-1-4 no more".to_owned(),
        ]
    );
    assert_eq!(
        fixture.persisted(),
        [
            "c1 <- update F1/t#0 A1 TASK_UNREACHABLE AGENT_UNREACHABLE: its agent did not answer \
             in time; it may be running, and may come back"
        ]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Unreachable used nothing offered nothing",
            "show F1/t TASK_UNREACHABLE AGENT_UNREACHABLE",
        ]
    );
}

#[test]
fn any_call_of_an_agent_counts_as_life() {
    let mut fixture = Fixture::new();
    fixture.registered(11, 1, Vec::new());
    fixture.pass(Duration::from_secs(74));
    fixture.agent(11, AgentCall::Runners(Vec::new()));
    let lines = fixture.pass(Duration::from_secs(74));
    assert!(lines.iter().all(|line| line == "c11 <- ping"), "{lines:?}");
    let lines = fixture.pass(Duration::from_secs(1));
    assert_eq!(
        lines,
        ["end c11", "persist 2: put A1 unreachable since 149s"]
    );
}

#[test]
fn an_agent_whose_stream_ended_has_75_seconds_to_return() {
    let (mut fixture, _) = with_running_task();
    assert!(fixture.agent_gone(11).is_empty());
    let used = "used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing";
    assert_eq!(fixture.shown(), [format!("show A1 Disconnected {used}")]);
    let lines = fixture.pass(Duration::from_secs(74));
    assert!(
        lines.iter().all(|line| line == "c1 <- heartbeat"),
        "{lines:?}"
    );
    let lines = fixture.pass(Duration::from_secs(1));
    let persisted = "persist 3: put A1 unreachable since 75s".to_owned();
    assert!(lines.contains(&persisted), "{lines:?}");
}

#[test]
fn an_agent_that_registers_and_then_says_nothing_is_given_up() {
    let mut fixture = Fixture::new();
    fixture.agent(11, super::fixture::register(1));
    fixture.persisted();
    let lines = fixture.pass(Duration::from_secs(75));
    assert_eq!(lines[lines.len() - 2], "end c11");
    assert_eq!(
        lines.last().unwrap(),
        "persist 2: put A1 unreachable since 75s"
    );
}
