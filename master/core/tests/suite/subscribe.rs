//! Subscriptions: new, waiting for the registry, returning, fenced, refused.

use std::time::Duration;

use stoker_types::{FrameworkId, FrameworkInfo, TaskState, scheduler::Call};

use super::fixture::{
    Fixture, cluster, ephemeral_info, framework_info, register, role, snapshot, subscribe, told,
    with_running_task,
};

fn refused(info: FrameworkInfo, id: Option<FrameworkId>) -> Vec<String> {
    let mut fixture = Fixture::new();
    let lines = fixture.call(1, subscribe(info, id));
    assert!(fixture.shown().is_empty());
    lines
}

#[test]
fn a_new_framework_is_admitted_when_the_registry_has_confirmed_it() {
    let mut fixture = Fixture::new();
    let lines = fixture.call(1, subscribe(framework_info(), None));
    assert_eq!(lines, ["persist 1: put F1"]);
    assert!(fixture.shown().is_empty());
    assert!(fixture.master.view().frameworks.is_empty());
    assert_eq!(fixture.persisted(), ["c1 <- subscribed F1"]);
    assert_eq!(fixture.shown(), ["show F1 Active"]);
    assert!(fixture.persisted().is_empty());
}

#[test]
fn an_ephemeral_framework_is_admitted_at_once_and_never_written() {
    let mut fixture = Fixture::new();
    let lines = fixture.call(1, subscribe(ephemeral_info(), None));
    assert_eq!(lines, ["c1 <- subscribed F1"]);
    assert_eq!(fixture.shown(), ["show F1 Active"]);
}

#[test]
fn a_call_while_the_framework_is_being_admitted_is_refused() {
    let mut fixture = Fixture::new();
    fixture.call(1, subscribe(framework_info(), None));
    let lines = fixture.call(1, Call::Reconcile { tasks: Vec::new() });
    assert_eq!(
        lines,
        ["c1 <- refused 2: the subscription is not confirmed yet: wait for the event `subscribed`"]
    );
}

#[test]
fn a_call_before_the_subscription_is_refused_and_the_stream_ends() {
    let mut fixture = Fixture::new();
    let lines = fixture.call(1, Call::Teardown);
    assert_eq!(
        lines,
        [
            "c1 <- refused 1: teardown comes before the subscription: subscribe first",
            "end c1"
        ]
    );
    // What still comes from the ended stream is not a first call.
    assert!(
        fixture
            .call(1, subscribe(ephemeral_info(), None))
            .is_empty()
    );
    assert!(fixture.scheduler_gone(1).is_empty());
}

#[test]
fn a_second_subscription_on_a_stream_is_refused() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, subscribe(framework_info(), None));
    assert_eq!(
        lines,
        [
            "c1 <- refused 2: the stream is subscribed already: open another one to subscribe \
             anew"
        ]
    );
}

#[test]
fn a_call_that_could_not_be_read_is_refused_by_its_number() {
    let (mut fixture, _) = cluster();
    let invalid = |stream| stoker_master_core::Input::SchedulerCallInvalid {
        connection: stoker_master_core::ConnectionId(stream),
        call_id: 9,
        message: "accept: no such verb".to_owned(),
    };
    assert_eq!(
        fixture.input(invalid(1)),
        ["c1 <- refused 9: accept: no such verb"]
    );
    // As a first call it is also the last.
    assert_eq!(
        fixture.input(invalid(2)),
        ["c2 <- refused 9: accept: no such verb", "end c2"]
    );
}

#[test]
fn the_later_of_two_schedulers_of_a_framework_wins() {
    let (mut fixture, id) = with_running_task();
    // An offer is out, and a filter is set, when the other one comes.
    fixture.registered(12, 2, Vec::new());
    fixture.shown();
    let lines = fixture.call(2, subscribe(framework_info(), Some(id)));
    assert_eq!(
        lines,
        [
            "c1 <- final error: fenced: another scheduler subscribed as F1",
            "end c1",
            "c2 <- subscribed F1",
            // Its unacknowledged updates come again at once.
            "c11 <- resend F1",
        ]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show F1 Active",
            "show A2 Active used nothing offered nothing",
            "show offer-1-2 no more",
        ]
    );
    // The end of the older stream changes nothing; both agents are offered to the new one.
    assert!(fixture.scheduler_gone(1).is_empty());
    let rest = "cpus=3;mem=3.0 GiB;fuel=15000";
    let all = "cpus=4;mem=4.0 GiB;fuel=20000";
    assert_eq!(
        fixture.tick_after(Duration::from_millis(10)),
        [format!(
            "c2 <- offers offer-1-3 A1 default {rest}, offer-1-4 A2 default {all}"
        )]
    );
}

#[test]
fn a_call_of_the_fenced_scheduler_is_not_looked_at() {
    let (mut fixture, id) = cluster();
    fixture.call(2, subscribe(framework_info(), Some(id)));
    assert!(fixture.call(1, Call::Teardown).is_empty());
    assert!(
        fixture
            .call(1, subscribe(framework_info(), Some(id)))
            .is_empty()
    );
}

#[test]
fn a_returning_framework_waits_until_its_failover_deadline_is_gone() {
    let (mut fixture, id) = with_running_task();
    fixture.scheduler_gone(1);
    fixture.persisted();
    fixture.shown();
    let lines = fixture.call(2, subscribe(framework_info(), Some(id)));
    assert_eq!(lines, ["persist 4: put F1"]);
    assert_eq!(fixture.shown(), ["show F1 Disconnected"]);
    assert_eq!(
        fixture.persisted(),
        [
            "c2 <- subscribed F1",
            "c11 <- resend F1",
            "c2 <- offers offer-1-2 A1 default cpus=3;mem=3.0 GiB;fuel=15000",
        ]
    );
}

#[test]
fn a_returning_framework_that_is_fenced_while_it_waits_lets_the_other_one_wait() {
    let (mut fixture, id) = cluster();
    fixture.scheduler_gone(1);
    fixture.call(2, subscribe(framework_info(), Some(id)));
    let lines = fixture.call(3, subscribe(framework_info(), Some(id)));
    assert_eq!(
        lines,
        [
            "c2 <- final error: fenced: another scheduler subscribed as F1",
            "end c2"
        ]
    );
    let lines = fixture.persisted();
    assert_eq!(lines[0], "c3 <- subscribed F1");
}

#[test]
fn a_framework_may_return_with_other_roles() {
    let (mut fixture, id) = cluster();
    let other = FrameworkInfo {
        roles: vec![role("web"), role("batch")],
        ..framework_info()
    };
    let lines = fixture.call(2, subscribe(other, Some(id)));
    assert_eq!(lines[2..], ["persist 3: put F1"]);
    assert_eq!(
        fixture.persisted(),
        [
            "c2 <- subscribed F1",
            "c2 <- offers offer-1-2 A1 batch cpus=4;mem=4.0 GiB;fuel=20000",
        ]
    );
}

#[test]
fn a_framework_may_not_return_as_another_principal() {
    let (mut fixture, id) = cluster();
    let other = FrameworkInfo {
        principal: "bob".to_owned(),
        ..framework_info()
    };
    let lines = fixture.call(2, subscribe(other, Some(id)));
    assert_eq!(
        lines,
        [
            "c2 <- final error: framework F1 belongs to principal \"ann\", which cannot change: \
             subscribe as it, or without an id",
            "end c2"
        ]
    );
}

#[test]
fn an_unknown_id_is_refused_unless_it_is_that_of_an_ephemeral_framework() {
    let id = FrameworkId::from_bits(5);
    assert_eq!(
        refused(framework_info(), Some(id)),
        [
            "c1 <- final error: framework framework-aaaaaaaaaaaaf is not known here: subscribe \
             without an id",
            "end c1"
        ]
    );
    let mut fixture = Fixture::new();
    let lines = fixture.call(1, subscribe(ephemeral_info(), Some(id)));
    assert_eq!(lines, ["c1 <- subscribed F1"]);
    assert_eq!(fixture.names.last(), id);
}

#[test]
fn an_id_that_only_agents_know_is_taken_as_told() {
    let mut fixture = Fixture::new();
    let id = FrameworkId::from_bits(5);
    fixture.registered(11, 1, vec![told(id, "t", TaskState::Running, (1, 0))]);
    assert_eq!(
        fixture.shown(),
        [
            "show F1 Disconnected",
            "show A1 Active used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing",
            "show F1/t TASK_RUNNING",
        ]
    );
    let lines = fixture.call(1, subscribe(ephemeral_info(), Some(id)));
    assert_eq!(lines[..2], ["c1 <- subscribed F1", "c11 <- resend F1"]);
}

#[test]
fn a_framework_that_breaks_a_rule_is_refused_for_good() {
    let nameless = FrameworkInfo {
        name: String::new(),
        ..framework_info()
    };
    assert_eq!(
        refused(nameless, None),
        [
            "c1 <- final error: a framework's name has 1 to 256 bytes and no control characters; \
             this one is \"\"",
            "end c1"
        ]
    );
    let twice = FrameworkInfo {
        roles: vec![role("web"), role("web")],
        ..framework_info()
    };
    assert_eq!(
        refused(twice, None)[0],
        "c1 <- final error: role web is named twice"
    );
}

#[test]
fn a_framework_that_leaves_before_it_is_admitted_was_never_there() {
    let mut fixture = Fixture::new();
    fixture.call(1, subscribe(framework_info(), None));
    assert_eq!(fixture.scheduler_gone(1), ["persist 2: remove F1"]);
    assert!(fixture.persisted().is_empty());
    assert!(fixture.shown().is_empty());
    assert_eq!(fixture.master.deadline(), None);
}

#[test]
fn roles_that_are_suppressed_at_the_subscription_get_no_offers() {
    let mut fixture = Fixture::new();
    fixture.agent(11, register(1));
    fixture.agent(11, snapshot(Vec::new()));
    fixture.persisted();
    let call = Call::Subscribe {
        framework: FrameworkInfo {
            roles: vec![role("a"), role("b")],
            ..ephemeral_info()
        },
        framework_id: None,
        suppressed_roles: vec![role("a")],
    };
    assert_eq!(
        fixture.call(1, call),
        [
            "c1 <- subscribed F1",
            "c1 <- offers offer-1-1 A1 b cpus=4;mem=4.0 GiB;fuel=20000",
        ]
    );
}
