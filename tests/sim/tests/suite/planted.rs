//! Planted bugs are caught, and what catches them lets the same seeds pass without one.

use stoker_tests_sim::{Failure, Planted, Report, Rule, run};

/// A planted bug must be caught within so many seeds.
const SEEDS: u64 = 500;

/// The first seed that catches a bug, and how.
fn first_caught(planted: Planted) -> Report {
    let reports = (1..=SEEDS).map(|seed| run(seed, Some(planted)));
    reports
        .into_iter()
        .find(|report| report.violation.is_some())
        .unwrap_or_else(|| panic!("{planted} is not caught within {SEEDS} seeds"))
}

fn check(planted: Planted, expected: &[Rule]) {
    let report = first_caught(planted);
    let seed = report.seed;
    let violation = report.violation.expect("it is caught");
    assert!(expected.contains(&violation.rule), "{violation}");
    let sound = run(seed, None);
    if sound.violation.is_some() {
        panic!("{}", Failure::of(seed, None));
    }
}

#[test]
fn a_checkpoint_that_is_skipped_is_caught() {
    check(
        Planted::SkipCheckpoint,
        &[Rule::Once, Rule::Losses, Rule::Ends],
    );
}

#[test]
fn an_end_that_is_not_synced_when_the_log_says_so_is_caught() {
    let rules = [
        Rule::Once,
        Rule::Ends,
        Rule::Order,
        Rule::Truth,
        Rule::Losses,
        Rule::Liveness,
    ];
    check(Planted::SyncEarly, &rules);
}

#[test]
fn an_acknowledgement_before_its_time_is_caught() {
    check(Planted::AcknowledgeEarly, &[Rule::Ends]);
}

#[test]
fn an_offer_that_is_made_twice_is_caught() {
    check(Planted::OfferTwice, &[Rule::Promises]);
}

#[test]
fn a_registry_that_forgets_what_it_confirmed_is_caught() {
    check(Planted::CommitEarly, &[Rule::Durable]);
}

#[test]
fn a_stream_that_loses_a_message_is_caught() {
    check(
        Planted::LoseMessage,
        &[Rule::Liveness, Rule::Ends, Rule::Order],
    );
}

/// No bug of a driver, but what the cluster cannot stand yet: see [`Planted::LateFirstWord`]. When
/// this fails because nothing is caught, the cluster can, and every seed may have it.
#[test]
fn a_first_word_that_comes_late_is_caught() {
    let rules = [Rule::Durable, Rule::Losses, Rule::Truth];
    check(Planted::LateFirstWord, &rules);
}
