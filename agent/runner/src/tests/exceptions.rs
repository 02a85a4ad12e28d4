//! Exceptions: thrown, caught, metered, and their heap bounded.

use stoker_types::{Reason, runner::Outcome};

use super::lab::{PAGE, trial};
use crate::engine::MemoryProfile;

/// Throws and catches `count` times, adding up what was thrown.
fn storm(count: u32) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (tag $t (param i32))
            (func $throw (param i32) (throw $t (local.get 0)))
            (func (export "_start") (local $i i32) (local $sum i32)
                (loop $again
                    (local.set $sum (i32.add (local.get $sum)
                        (block $caught (result i32)
                            (try_table (catch $t $caught) (call $throw (i32.const 2)))
                            (i32.const 0))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $i) (i32.const {count}))))
                (call $exit (i32.eq (local.get $sum) (i32.const {})))))"#,
        2 * count
    )
}

#[test]
fn an_exception_is_caught_with_its_values() {
    for profile in [MemoryProfile::Large, MemoryProfile::Small] {
        let end = trial(storm(1)).on(profile).run();
        assert_eq!(end.outcome, Outcome::Exited { code: 1 }, "{profile}");
    }
}

#[test]
fn what_was_thrown_is_freed() {
    for profile in [MemoryProfile::Large, MemoryProfile::Small] {
        let few = trial(storm(1000)).on(profile).run();
        assert_eq!(few.outcome, Outcome::Exited { code: 1 }, "{profile}");
        let many = trial(storm(100_000)).on(profile).run();
        assert_eq!(many.outcome, Outcome::Exited { code: 1 }, "{profile}");
        assert!(few.usage.mem_peak > 0, "the heap counts as memory");
        assert!(
            many.usage.mem_peak <= few.usage.mem_peak.max(PAGE),
            "{:?}",
            many.usage
        );
        assert!(many.usage.fuel_used > 100_000 * 8, "throwing is metered");
    }
}

#[test]
fn an_exception_that_nobody_catches_is_a_trap() {
    let wat = r#"(module (tag $t) (func $thrower (throw $t))
        (func (export "_start") (call $thrower)))"#;
    let end = trial(wat).run();
    let (reason, message) = end.failure();
    assert_eq!(reason, Reason::Trap);
    assert!(
        message.contains("exception was thrown and not caught"),
        "{message}"
    );
}

#[test]
fn exceptions_kept_alive_meet_the_memory_limit() {
    // Every exception refers to the one before.
    let wat = r#"(module (tag $t (param exnref))
        (func (export "_start") (local $last exnref)
            (loop $again
                (local.set $last (block $caught (result exnref)
                    (try_table (catch_all_ref $caught) (throw $t (local.get $last)))
                    (ref.null exn)))
                (br $again))))"#;
    for profile in [MemoryProfile::Large, MemoryProfile::Small] {
        let end = trial(wat).on(profile).memory(16 * PAGE).run();
        assert_eq!(end.failure().0, Reason::MemoryLimit, "{profile}");
        assert!(end.usage.mem_peak <= 16 * PAGE);
    }
}
