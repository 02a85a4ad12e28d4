//! Memory: summed over the store, refused to the guest, named in the status.

use stoker_types::{Reason, runner::Outcome};

use super::lab::{PAGE, command, trial};
use crate::engine::MemoryProfile;

const PROFILES: [MemoryProfile; 2] = [MemoryProfile::Large, MemoryProfile::Small];

#[test]
fn a_growth_past_the_limit_gives_minus_one_and_the_guest_may_live_on() {
    let wat = command(
        "(if (i32.ne (memory.grow (i32.const 3)) (i32.const 1)) (then unreachable))
         (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))",
    );
    for profile in PROFILES {
        let end = trial(wat.clone()).on(profile).memory(4 * PAGE).run();
        assert_eq!(end.outcome, Outcome::Exited { code: 0 }, "{profile}");
        assert_eq!(end.usage.mem_peak, 4 * PAGE);
    }
}

#[test]
fn a_trap_after_a_refused_growth_is_the_memory_limit() {
    let wat = command("(drop (memory.grow (i32.const 100))) unreachable");
    for profile in PROFILES {
        let end = trial(wat.clone()).on(profile).memory(4 * PAGE).run();
        let (reason, message) = end.failure();
        assert_eq!(reason, Reason::MemoryLimit, "{profile}");
        assert!(message.contains("256.0 KiB"), "{message}");
        assert_eq!(end.usage.mem_peak, PAGE);
    }
}

#[test]
fn an_exit_code_after_a_refused_growth_is_an_exit_code() {
    let wat = command("(drop (memory.grow (i32.const 100))) (call $exit (i32.const 3))");
    assert_eq!(
        trial(wat).memory(4 * PAGE).run().outcome,
        Outcome::Exited { code: 3 }
    );
}

#[test]
fn an_initial_memory_or_table_over_the_limit_is_the_memory_limit() {
    let cases = [
        r#"(module (memory 5) (func (export "_start")))"#,
        r#"(module (table 40000 funcref) (func (export "_start")))"#,
    ];
    for wat in cases {
        for profile in PROFILES {
            let end = trial(wat).on(profile).memory(4 * PAGE).run();
            assert_eq!(end.failure().0, Reason::MemoryLimit, "{wat} {profile}");
            assert_eq!(end.usage.mem_peak, 0);
        }
    }
}

#[test]
fn memories_and_tables_are_summed() {
    // 2 pages, then 8192 elements of 8 bytes: one page more than the limit leaves.
    let wat = r#"(module (memory (export "memory") 1) (table $t 0 funcref)
        (func (export "_start")
            (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
            (if (i32.ne (table.grow $t (ref.null func) (i32.const 8192)) (i32.const 0))
                (then unreachable))
            (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
            (if (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))
                (then unreachable))))"#;
    for profile in PROFILES {
        let end = trial(wat).on(profile).memory(3 * PAGE).run();
        assert_eq!(end.outcome, Outcome::Exited { code: 0 }, "{profile}");
        assert_eq!(end.usage.mem_peak, 3 * PAGE);
    }
}

#[test]
fn a_growth_that_the_module_itself_forbids_is_no_memory_limit() {
    let wat = r#"(module (memory (export "memory") 1 2) (table $t 1 2 funcref)
        (func (export "_start")
            (drop (memory.grow (i32.const 2)))
            (drop (memory.grow (i32.const -1)))
            (drop (table.grow $t (ref.null func) (i32.const 2)))
            unreachable))"#;
    for profile in PROFILES {
        assert_eq!(
            trial(wat).on(profile).run().failure().0,
            Reason::Trap,
            "{profile}"
        );
    }
}

#[test]
fn a_table_past_its_bound_is_the_memory_limit() {
    let wat = r#"(module (table $t 1 funcref) (func (export "_start")
        (if (i32.ne (table.grow $t (ref.null func) (i32.const 200000)) (i32.const -1))
            (then (return)))
        unreachable))"#;
    for profile in PROFILES {
        let end = trial(wat).on(profile).run();
        assert_eq!(end.failure().0, Reason::MemoryLimit, "{profile}");
    }
}

#[test]
fn memory_past_a_small_reservation_moves_and_keeps_its_bytes() {
    let wat = command(
        "(i32.store (i32.const 1000) (i32.const 4711))
         (if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))
         (i32.store (i32.const 65000000) (i32.const 1))
         (call $exit (i32.sub (i32.load (i32.const 1000)) (i32.const 4700)))",
    );
    for profile in PROFILES {
        let end = trial(wat.clone()).on(profile).memory(80 << 20).run();
        assert_eq!(end.outcome, Outcome::Exited { code: 11 }, "{profile}");
    }
}
