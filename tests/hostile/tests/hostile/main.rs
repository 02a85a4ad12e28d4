//! Every hostile guest on a real cluster: it ends for its reason, its runner lives on, and an
//! honest task of the same tenant runs afterwards.

#![expect(clippy::unwrap_used, reason = "whatever cannot be had fails the test")]

mod harness;
mod kills;

use harness::try_all;
use stoker_tests_hostile::Family;

#[test]
fn memory_is_bounded() {
    try_all(Family::Memory);
}

#[test]
fn the_stack_is_bounded() {
    try_all(Family::Stack);
}

#[test]
fn time_and_work_are_bounded() {
    try_all(Family::Time);
}
