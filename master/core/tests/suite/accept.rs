//! Accept: what happens when offers are used.

use std::time::Duration;

use stoker_master_core::Change;
use stoker_types::{BlobForm, Digest, Input, Resources, TaskState, scheduler::Call};

use super::fixture::{
    Fixture, HOUR, NO_FILTER, accept, acknowledge, cluster, decline, ephemeral_info, failed,
    offer_id, role, subscribe, task, task_of, update, with_task,
};

#[test]
fn a_task_within_the_offer_is_launched_and_the_rest_goes_back() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    assert_eq!(
        lines,
        ["c11 <- launch F1/t default cpus=1;mem=1.0 GiB;fuel=5000"]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used cpus=1;mem=1.0 GiB;fuel=5000 offered nothing",
            "show F1/t TASK_STAGING",
            "show offer-1-1 no more",
        ]
    );
}

#[test]
fn without_a_filter_the_rest_is_offered_again_at_once() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, accept(&[1], vec![task("t")], NO_FILTER));
    assert_eq!(
        lines,
        [
            "c11 <- launch F1/t default cpus=1;mem=1.0 GiB;fuel=5000",
            "c1 <- offers offer-1-2 A1 default cpus=3;mem=3.0 GiB;fuel=15000",
        ]
    );
}

#[test]
fn the_rest_of_an_offer_that_was_used_a_little_waits_for_nothing_and_other_rests_a_moment() {
    let (mut fixture, _) = cluster();
    // All at one time, so that every run is too soon after the one before.
    fixture.call(1, accept(&[1], vec![task("a")], NO_FILTER));
    let lines = fixture.call(1, accept(&[2], vec![task("b")], NO_FILTER));
    assert_eq!(
        lines,
        [
            "c11 <- launch F1/b default cpus=1;mem=1.0 GiB;fuel=5000",
            "c1 <- offers offer-1-3 A1 default cpus=2;mem=2.0 GiB;fuel=10000",
        ]
    );
    let most = task_of("c", "cpus=1.5;mem=1GiB");
    let lines = fixture.call(1, accept(&[3], vec![most], NO_FILTER));
    assert_eq!(
        lines,
        ["c11 <- launch F1/c default cpus=1.5;mem=1.0 GiB;fuel=7500"]
    );
    let lines = fixture.tick_after(Duration::from_millis(10));
    assert_eq!(
        lines,
        ["c1 <- offers offer-1-4 A1 default cpus=0.5;mem=1.0 GiB;fuel=2500"]
    );
    // To launch nothing is no use at all.
    let lines = fixture.call(1, accept(&[4], Vec::new(), NO_FILTER));
    assert_eq!(lines, [] as [&str; 0]);
}

#[test]
fn each_task_is_judged_by_itself_and_in_order() {
    let (mut fixture, _) = cluster();
    let mut with_input = task_of("input", "cpus=0.1;mem=1MiB;disk=1MiB");
    with_input.inputs.push(Input {
        blob: Digest::from_bytes([1; 32]),
        path: "in".to_owned(),
        form: BlobForm::File,
        read_only: true,
    });
    let mut with_output = task("output");
    with_output.outputs.push("out".to_owned());
    let tasks = vec![
        task_of("a", "cpus=3;mem=1GiB"),
        task_of("b", "cpus=2;mem=1GiB"),
        task_of("c", "mem=1GiB"),
        task_of("d", "cpus=0.001"),
        task("a"),
        with_input,
        with_output,
        task_of("e", "cpus=1;mem=3GiB"),
    ];
    let lines = fixture.call(1, accept(&[1], tasks, HOUR));
    let must_ask = "it must ask for at least cpus=0.001 and some mem";
    let in_a_folder =
        r#"its read-only input "in" must lie in a folder, as in "in/in"; or make it writable"#;
    let no_disk = "a task with inputs or outputs must ask for some disk: they are files in it";
    assert_eq!(
        lines,
        [
            "c11 <- launch F1/a default cpus=3;mem=1.0 GiB;fuel=15000".to_owned(),
            "c1 <- update F1/b#0 A1 TASK_DROPPED INSUFFICIENT_RESOURCES: it asks for \
             cpus=2;mem=1.0 GiB; what the offers still hold is cpus=1;mem=3.0 GiB;fuel=5000"
                .to_owned(),
            format!("c1 <- update F1/c#0 A1 TASK_ERROR TASK_INVALID: {must_ask}"),
            format!("c1 <- update F1/d#0 A1 TASK_ERROR TASK_INVALID: {must_ask}"),
            "c1 <- update F1/a#0 A1 TASK_ERROR TASK_INVALID: its id is in use, or was lately: \
             choose another one than a"
                .to_owned(),
            format!("c1 <- update F1/input#0 A1 TASK_ERROR TASK_INVALID: {in_a_folder}"),
            format!("c1 <- update F1/output#0 A1 TASK_ERROR TASK_INVALID: {no_disk}"),
            "c11 <- launch F1/e default cpus=1;mem=3.0 GiB;fuel=5000".to_owned(),
        ]
    );
}

#[test]
fn a_task_without_fuel_takes_what_is_left_of_it() {
    let (mut fixture, _) = cluster();
    let tasks = vec![
        task_of("a", "cpus=1;mem=1GiB;fuel=18000"),
        task_of("b", "cpus=1;mem=1GiB"),
        task_of("c", "cpus=1;mem=1GiB"),
    ];
    let lines = fixture.call(1, accept(&[1], tasks, HOUR));
    assert_eq!(
        lines,
        [
            "c11 <- launch F1/a default cpus=1;mem=1.0 GiB;fuel=18000",
            "c11 <- launch F1/b default cpus=1;mem=1.0 GiB;fuel=2000",
            "c11 <- launch F1/c default cpus=1;mem=1.0 GiB",
        ]
    );
}

#[test]
fn a_task_takes_the_ports_that_it_names() {
    let mut fixture = Fixture::new();
    fixture.call(1, subscribe(ephemeral_info(), None));
    let mut info = super::fixture::agent_info(1);
    info.resources = "cpus=1;mem=1GiB;ports=31000-31009".parse().unwrap();
    fixture.agent(11, super::fixture::register_as(info));
    fixture.agent(11, super::fixture::snapshot(Vec::new()));
    fixture.persisted();
    let tasks = vec![
        task_of("a", "cpus=0.1;mem=1MiB;ports=31004-31005"),
        task_of("b", "cpus=0.1;mem=1MiB;ports=31005-31006"),
    ];
    let lines = fixture.call(1, accept(&[1], tasks, NO_FILTER));
    assert_eq!(
        lines[0],
        "c11 <- launch F1/a default cpus=0.1;mem=1.0 MiB;ports=31004-31005"
    );
    assert!(lines[1].contains("TASK_DROPPED INSUFFICIENT_RESOURCES"));
    assert_eq!(
        lines[2..],
        ["c1 <- offers offer-1-2 A1 default cpus=0.9;mem=1023.0 MiB;ports=31000-31003,31006-31009"]
    );
}

#[test]
fn several_offers_of_an_agent_are_used_together() {
    let (mut fixture, id) = with_task();
    // The task ends: two parts of the agent are on offer.
    fixture.call(1, Call::Revive { roles: Vec::new() });
    fixture.agent(11, failed(id, "t", 1));
    fixture.pass(Duration::from_millis(10));
    fixture.shown();
    let lines = fixture.call(
        1,
        accept(&[2, 3], vec![task_of("u", "cpus=4;mem=4GiB")], HOUR),
    );
    assert_eq!(
        lines,
        ["c11 <- launch F1/u default cpus=4;mem=4.0 GiB;fuel=20000"]
    );
}

#[test]
fn an_offer_is_used_up_by_the_first_call_that_names_it() {
    let (mut fixture, _) = cluster();
    fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    let lines = fixture.call(1, accept(&[1], vec![task("u")], HOUR));
    let why =
        "offer-1-1 is not one of the framework's offers: it was used, given back, or never made";
    assert_eq!(
        lines,
        [
            format!("c1 <- update F1/u#0 - TASK_DROPPED INVALID_OFFERS: {why}"),
            format!("c1 <- refused 3: {why}"),
        ]
    );
}

#[test]
fn with_one_invalid_offer_the_others_are_used_up_too() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, accept(&[1, 77], vec![task("t")], HOUR));
    assert!(lines[0].contains("F1/t#0 - TASK_DROPPED INVALID_OFFERS: offer-1-77"));
    assert!(lines[1].starts_with("c1 <- refused 2: offer-1-77"));
    // No filter: it was not this offer that was not wanted.
    assert_eq!(
        lines[2..],
        ["c1 <- offers offer-1-2 A1 default cpus=4;mem=4.0 GiB;fuel=20000"]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used nothing offered cpus=4;mem=4.0 GiB;fuel=20000",
            "show offer-1-1 no more",
            "show offer-1-2 for F1",
        ]
    );
}

#[test]
fn an_offer_that_is_named_twice_is_refused() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, accept(&[1, 1], vec![task("t")], HOUR));
    assert_eq!(lines[1], "c1 <- refused 2: offer-1-1 is named twice");
}

#[test]
fn offers_of_different_agents_are_refused() {
    let (mut fixture, _) = cluster();
    fixture.registered(12, 2, Vec::new());
    let lines = fixture.call(1, accept(&[1, 2], vec![task("t")], HOUR));
    assert_eq!(
        lines[1],
        "c1 <- refused 2: offer-1-1 and offer-1-2 are of different agents: use each agent's \
         offers by themselves"
    );
}

#[test]
fn offers_of_different_roles_are_refused() {
    let mut fixture = Fixture::new();
    let mut info = ephemeral_info();
    info.roles = vec![role("a"), role("b")];
    fixture.call(1, subscribe(info, None));
    fixture.registered(11, 1, Vec::new());
    fixture.wait(Duration::from_millis(10));
    // Used in part for role a, the rest is offered to role b, the part comes back to role a.
    fixture.call(1, accept(&[1], vec![task("t")], NO_FILTER));
    let id = fixture.names.last();
    fixture.wait(Duration::from_millis(10));
    let lines = fixture.agent(11, failed(id, "t", 1));
    assert_eq!(
        lines[1],
        "c1 <- offers offer-1-3 A1 a cpus=1;mem=1.0 GiB;fuel=5000"
    );
    let lines = fixture.call(1, accept(&[2, 3], vec![task("u")], HOUR));
    assert_eq!(
        lines[1],
        "c1 <- refused 3: offer-1-2 and offer-1-3 are of different roles: use each role's offers \
         by themselves"
    );
}

#[test]
fn an_offer_of_another_framework_is_refused_and_stays_with_it() {
    let (mut fixture, _) = cluster();
    fixture.call(2, subscribe(ephemeral_info(), None));
    let lines = fixture.call(2, accept(&[1], vec![task("t")], HOUR));
    assert!(lines[0].starts_with("c2 <- update F2/t#0 - TASK_DROPPED INVALID_OFFERS"));
    assert_eq!(lines.len(), 2);
    let lines = fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    assert_eq!(
        lines[0],
        "c11 <- launch F1/t default cpus=1;mem=1.0 GiB;fuel=5000"
    );
}

#[test]
fn no_offer_at_all_is_refused() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, accept(&[], vec![task("t")], HOUR));
    assert_eq!(lines[1..], ["c1 <- refused 2: no offer is named"]);
}

#[test]
fn an_accept_that_crosses_the_loss_of_its_agent_drops_its_tasks() {
    let (mut fixture, _) = cluster();
    assert_eq!(fixture.agent_gone(11), ["c1 <- rescind offer-1-1"]);
    let lines = fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    let why = "offer-1-1 is not valid any more: its agent disconnected";
    assert_eq!(
        lines,
        [
            format!("c1 <- update F1/t#0 - TASK_DROPPED AGENT_DISCONNECTED: {why}"),
            format!("c1 <- refused 2: {why}"),
        ]
    );
}

#[test]
fn a_call_that_names_too_much_is_refused_and_uses_nothing() {
    let (mut fixture, _) = cluster();
    let tasks = (0..1001)
        .map(|number| task(&format!("t{number}")))
        .collect();
    let lines = fixture.call(1, accept(&[1], tasks, HOUR));
    assert_eq!(
        lines,
        ["c1 <- refused 2: at most 1000 tasks may be named at once; here are 1001"]
    );
    assert!(fixture.shown().is_empty());
    let offer_ids = (0..1001).map(offer_id).collect();
    let call = Call::Decline {
        offer_ids,
        filter: HOUR,
    };
    assert_eq!(
        fixture.call(1, call),
        ["c1 <- refused 3: at most 1000 offers may be named at once; here are 1001"]
    );
}

#[test]
fn an_id_may_not_be_used_again_while_its_task_lives_or_is_not_acknowledged_or_lately_was() {
    let (mut fixture, id) = with_task();
    let mut offer = 1;
    let mut again = |fixture: &mut Fixture| {
        // Whatever is free is offered anew, and used for the same id.
        let lines = fixture.call(1, Call::Revive { roles: Vec::new() });
        let lines = [lines, fixture.pass(Duration::from_millis(10))].concat();
        offer += lines.iter().filter(|line| line.contains("offers")).count() as u64;
        let lines = fixture.call(1, accept(&[offer], vec![task("t")], HOUR));
        assert!(
            lines[0].contains("F1/t#0 A1 TASK_ERROR TASK_INVALID"),
            "{lines:?}"
        );
    };
    again(&mut fixture);
    fixture.agent(11, failed(id, "t", 1));
    again(&mut fixture);
    fixture.call(1, acknowledge(1, "t", 1));
    again(&mut fixture);
}

#[test]
fn what_a_task_was_charged_is_seen_by_readers() {
    let (mut fixture, _) = cluster();
    fixture.call(1, accept(&[1], vec![task("t")], HOUR));
    let changes = fixture.changes();
    let charged: Resources = "cpus=1;mem=1GiB;fuel=5000".parse().unwrap();
    let view = changes.iter().find_map(|change| match change {
        Change::Task(view) => Some(view),
        Change::Agent(_)
        | Change::Framework(_)
        | Change::FrameworkForgotten(_)
        | Change::Usage(_)
        | Change::TaskForgotten(_)
        | Change::Offer(_)
        | Change::OfferRemoved(_) => None,
    });
    let view = view.unwrap();
    assert_eq!(view.allocated, charged);
    assert_eq!(
        (view.state, view.created_at),
        (TaskState::Staging, fixture.now)
    );
    assert!(view.task.resources.fuel.is_zero());
}

#[test]
fn two_frameworks_share_two_agents_and_what_one_gives_back_the_other_gets() {
    let mut fixture = Fixture::new();
    for stream in [1, 2] {
        fixture.call(stream, subscribe(ephemeral_info(), None));
    }
    fixture.agent(11, super::fixture::register(1));
    fixture.agent(11, super::fixture::snapshot(Vec::new()));
    fixture.agent(12, super::fixture::register(2));
    fixture.agent(12, super::fixture::snapshot(Vec::new()));
    let all = "cpus=4;mem=4.0 GiB;fuel=20000";
    // The first agent is confirmed and offered at once; the second a moment later.
    let lines = fixture.persisted();
    assert_eq!(lines.len(), 4, "{lines:?}");
    // Which framework is first is a matter of their random ids.
    let first = if lines[2].starts_with("c1") { 1 } else { 2 };
    let second = 3 - first;
    assert_eq!(
        lines[2..],
        [
            format!("c{first} <- offers offer-1-1 A1 default {all}"),
            format!("c{second} <- offers offer-1-2 A2 default {all}"),
        ]
    );
    fixture.wait(Duration::from_millis(10));
    // The first uses a quarter and does not want the rest: it goes to the second, though that
    // holds more.
    let lines = fixture.call(first, accept(&[1], vec![task("t")], HOUR));
    assert_eq!(
        lines[1..],
        [format!(
            "c{second} <- offers offer-1-3 A1 default cpus=3;mem=3.0 GiB;fuel=15000"
        )]
    );
    fixture.wait(Duration::from_millis(10));
    // The second wants neither: the first gets the one that it has not declined.
    let lines = fixture.call(second, decline(&[2, 3], HOUR));
    assert_eq!(
        lines,
        [format!("c{first} <- offers offer-1-4 A2 default {all}")]
    );
}

#[test]
fn an_update_frees_resources_when_the_end_is_seen_not_when_it_is_acknowledged() {
    let (mut fixture, id) = with_task();
    fixture.agent(11, update(id, "t", 1, TaskState::Running));
    fixture.shown();
    let lines = fixture.agent(11, update(id, "t", 2, TaskState::Finished));
    assert_eq!(
        lines,
        [
            "c1 <- update F1/t#2 A1 TASK_FINISHED",
            // More than what was declined is free now.
            "c1 <- offers offer-1-2 A1 default cpus=4;mem=4.0 GiB;fuel=20000",
        ]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used nothing offered cpus=4;mem=4.0 GiB;fuel=20000",
            "show F1/t TASK_FINISHED",
            "show offer-1-2 for F1",
        ]
    );
}
