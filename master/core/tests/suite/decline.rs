//! Decline, revive, suppress: who wants what, and for how long not.

use std::time::Duration;

use stoker_master_core::Input;
use stoker_types::{OfferFilter, agent::AgentCall, scheduler::Call};

use super::fixture::{Fixture, HOUR, NO_FILTER, cluster, decline, ephemeral_info, role, subscribe};

const ALL: &str = "cpus=4;mem=4.0 GiB;fuel=20000";

fn revive(roles: &[&str]) -> Call {
    let roles = roles.iter().map(|name| role(name)).collect();
    Call::Revive { roles }
}

fn suppress(roles: &[&str]) -> Call {
    let roles = roles.iter().map(|name| role(name)).collect();
    Call::Suppress { roles }
}

#[test]
fn what_is_declined_is_offered_again_when_the_filter_is_over() {
    let (mut fixture, _) = cluster();
    let filter = OfferFilter::default();
    assert!(fixture.call(1, decline(&[1], filter)).is_empty());
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used nothing offered nothing",
            "show offer-1-1 no more"
        ]
    );
    assert_eq!(
        fixture.tick_after(Duration::from_secs(5)),
        [format!("c1 <- offers offer-1-2 A1 default {ALL}")]
    );
}

#[test]
fn what_is_declined_without_a_filter_is_offered_again_at_once() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, decline(&[1], NO_FILTER));
    assert_eq!(lines, [format!("c1 <- offers offer-1-2 A1 default {ALL}")]);
}

#[test]
fn what_one_declines_is_offered_to_another_at_once() {
    let (mut fixture, _) = cluster();
    fixture.call(2, subscribe(ephemeral_info(), None));
    let lines = fixture.call(1, decline(&[1], HOUR));
    assert_eq!(lines, [format!("c2 <- offers offer-1-2 A1 default {ALL}")]);
}

#[test]
fn a_further_event_within_ten_milliseconds_waits_for_the_next_run() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, decline(&[1], NO_FILTER));
    assert_eq!(lines.len(), 1);
    fixture.wait(Duration::from_millis(4));
    assert!(fixture.call(1, decline(&[2], NO_FILTER)).is_empty());
    assert_eq!(
        fixture.tick_after(Duration::from_millis(6)),
        [format!("c1 <- offers offer-1-3 A1 default {ALL}")]
    );
    assert_eq!(fixture.master.view().allocation_runs, 3);
}

#[test]
fn a_filter_longer_than_a_year_holds_for_a_year() {
    let (mut fixture, _) = cluster();
    let filter = OfferFilter {
        refuse: Duration::MAX,
    };
    fixture.call(1, decline(&[1], filter));
    fixture.shown();
    let year = Duration::from_secs(365 * 24 * 3600);
    // One long silence, at the end of which the agent shows that it is there.
    fixture.wait(year - Duration::from_secs(1));
    fixture.agent(11, AgentCall::Pong);
    let lines = fixture.input(Input::Tick);
    assert!(
        !lines.iter().any(|line| line.contains("offers")),
        "{lines:?}"
    );
    let lines = fixture.pass(Duration::from_secs(1));
    assert!(
        lines.iter().any(|line| line.contains("offers")),
        "{lines:?}"
    );
}

#[test]
fn an_invalid_offer_in_a_decline_is_named_and_the_others_are_declined() {
    let (mut fixture, _) = cluster();
    let lines = fixture.call(1, decline(&[9, 1], HOUR));
    assert_eq!(
        lines,
        [
            "c1 <- refused 2: offer-1-9 is not one of the framework's offers: it was used, given \
             back, or never made"
        ]
    );
    assert_eq!(
        fixture.shown(),
        [
            "show A1 Active used nothing offered nothing",
            "show offer-1-1 no more"
        ]
    );
}

#[test]
fn a_decline_of_nothing_is_refused() {
    let (mut fixture, _) = cluster();
    assert_eq!(
        fixture.call(1, decline(&[], HOUR)),
        ["c1 <- refused 2: no offer is named"]
    );
}

#[test]
fn a_revive_drops_the_filters_and_offers_at_once() {
    let (mut fixture, _) = cluster();
    fixture.call(1, decline(&[1], HOUR));
    fixture.wait(Duration::from_millis(10));
    let lines = fixture.call(1, revive(&[]));
    assert_eq!(lines, [format!("c1 <- offers offer-1-2 A1 default {ALL}")]);
}

#[test]
fn a_suppressed_role_is_not_offered_and_keeps_the_offers_that_it_has() {
    let (mut fixture, _) = cluster();
    assert!(fixture.call(1, suppress(&[])).is_empty());
    assert!(fixture.shown().is_empty());
    assert!(fixture.call(1, decline(&[1], NO_FILTER)).is_empty());
    let lines = fixture.call(1, revive(&["default"]));
    assert_eq!(lines, [format!("c1 <- offers offer-1-2 A1 default {ALL}")]);
}

#[test]
fn one_of_several_roles_may_be_suppressed() {
    let mut fixture = Fixture::new();
    let mut info = ephemeral_info();
    info.roles = vec![role("a"), role("b")];
    fixture.call(1, subscribe(info, None));
    fixture.registered(11, 1, Vec::new());
    fixture.wait(Duration::from_millis(10));
    fixture.call(1, suppress(&["a"]));
    let lines = fixture.call(1, decline(&[1], HOUR));
    assert_eq!(lines, [format!("c1 <- offers offer-1-2 A1 b {ALL}")]);
    fixture.wait(Duration::from_millis(10));
    // The filter is of role a, and is dropped with its revival.
    let lines = fixture.call(1, decline(&[2], HOUR));
    assert!(lines.is_empty());
    fixture.wait(Duration::from_millis(10));
    let lines = fixture.call(1, revive(&["a"]));
    assert_eq!(lines, [format!("c1 <- offers offer-1-3 A1 a {ALL}")]);
}

#[test]
fn a_role_that_is_not_the_frameworks_can_be_neither_suppressed_nor_revived() {
    let (mut fixture, _) = cluster();
    let why = "role web is not one of the framework's: name its own, or none for all";
    assert_eq!(
        fixture.call(1, suppress(&["web"])),
        [format!("c1 <- refused 2: {why}")]
    );
    assert_eq!(
        fixture.call(1, revive(&["web"])),
        [format!("c1 <- refused 3: {why}")]
    );
}
