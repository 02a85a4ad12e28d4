//! Every hostile guest on a real cluster: it ends for its reason, its runner lives on, and an
//! honest task of the same tenant runs afterwards.

#![expect(clippy::unwrap_used, reason = "whatever cannot be had fails the test")]

mod configured;
mod crowds;
mod harness;
mod kills;

use harness::{Tenant, start, try_all, try_all_as};
use stoker_tests_hostile::Family;

#[test]
fn descriptors_are_bounded() {
    try_all(Family::Descriptors);
}

#[test]
fn exceptions_are_bounded() {
    try_all(Family::Exceptions);
}

#[test]
fn files_are_bounded() {
    try_all(Family::Files);
}

#[test]
fn host_calls_are_bounded() {
    try_all(Family::HostCalls);
}

#[test]
fn memory_is_bounded() {
    try_all(Family::Memory);
}

#[test]
fn memory_is_bounded_where_memories_move() {
    let cluster = start("small");
    let tenant = Tenant::of(&cluster, "small memories");
    for family in [Family::Memory, Family::Exceptions, Family::Stack] {
        try_all_as(&tenant, family);
    }
}

#[test]
fn modules_are_bounded() {
    try_all(Family::Modules);
}

#[test]
fn output_is_bounded() {
    try_all(Family::Output);
}

#[test]
fn the_stack_is_bounded() {
    try_all(Family::Stack);
}

#[test]
fn time_and_work_are_bounded() {
    try_all(Family::Time);
}
