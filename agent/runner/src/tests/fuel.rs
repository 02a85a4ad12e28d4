//! Fuel: counted exactly, and bounded.

use stoker_types::{Reason, runner::Outcome};

use super::lab::{command, trial};
use crate::metering::SLICE_FUEL;

/// Counts down from `count`: 8 operators a round, 2 before the first, 1 for the function's entry;
/// `loop` and `end` are free.
fn countdown(count: u64) -> String {
    format!(
        r#"(module (func (export "_start") (local $i i64)
            (local.set $i (i64.const {count}))
            (loop $again
                (local.set $i (i64.sub (local.get $i) (i64.const 1)))
                (br_if $again (i64.ne (local.get $i) (i64.const 0))))))"#
    )
}

/// What [`countdown`] burns.
fn cost(count: u64) -> u64 {
    8 * count + 3
}

#[test]
fn fuel_is_counted_to_the_unit_across_slices() {
    for count in [1, 1000, SLICE_FUEL] {
        let end = trial(countdown(count)).run();
        assert_eq!(end.outcome, Outcome::Exited { code: 0 });
        assert_eq!(end.usage.fuel_used, cost(count), "{count} rounds");
    }
}

#[test]
fn a_budget_is_enough_to_the_unit_and_one_less_is_not() {
    for count in [1000, SLICE_FUEL] {
        let enough = trial(countdown(count)).fuel(cost(count)).run();
        assert_eq!(
            enough.outcome,
            Outcome::Exited { code: 0 },
            "{count} rounds"
        );
        assert_eq!(enough.usage.fuel_used, cost(count));
        let end = trial(countdown(count)).fuel(cost(count) - 1).run();
        assert_eq!(end.failure().0, Reason::FuelExhausted, "{count} rounds");
        assert_eq!(end.usage.fuel_used, cost(count) - 1);
    }
}

#[test]
fn an_endless_loop_ends_with_its_budget_used_up() {
    let end = trial(command("(loop $l (br $l))")).fuel(5_000_000).run();
    let (reason, message) = end.failure();
    assert_eq!(reason, Reason::FuelExhausted);
    assert!(message.contains("fuel budget"), "{message}");
    assert_eq!(end.usage.fuel_used, 5_000_000);
    assert!(!end.usage.cpu_time.is_zero());
}

#[test]
fn the_start_function_burns_fuel_too() {
    let wat = r#"(module (func $s (loop $l (br $l))) (start $s) (func (export "_start")))"#;
    let end = trial(wat).fuel(100_000).run();
    assert_eq!(end.failure().0, Reason::FuelExhausted);
}

#[test]
fn a_bulk_operation_costs_its_bytes_and_does_not_start_over_budget() {
    let fill = |bytes: u32| {
        command(&format!(
            "(memory.fill (i32.const 0) (i32.const 1) (i32.const {bytes}))"
        ))
    };
    let end = trial(fill(60_000)).run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert!(
        (60_000..60_010).contains(&end.usage.fuel_used),
        "{}",
        end.usage.fuel_used
    );
    let end = trial(fill(60_000)).fuel(50_000).run();
    assert_eq!(end.failure().0, Reason::FuelExhausted);
    assert_eq!(end.usage.fuel_used, 50_000);
}

#[test]
fn fuel_burnt_before_a_trap_is_counted() {
    let burn = "(local $i i32) (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))";
    // `unreachable` writes the counter back: exact. 8 a round, the entry.
    let end = trial(command(&format!("{burn} unreachable"))).run();
    assert_eq!(end.failure().0, Reason::Trap);
    assert_eq!(end.usage.fuel_used, 8_000_001);
    // Another trap does not: at most one slice too little.
    let end = trial(command(&format!("{burn} (drop (i32.load (i32.const -8)))"))).run();
    assert_eq!(end.failure().0, Reason::Trap);
    let used = end.usage.fuel_used;
    assert!(
        (8_000_001 - SLICE_FUEL..=8_000_003).contains(&used),
        "{used}"
    );
}
