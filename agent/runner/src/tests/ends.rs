//! How guests end: exit codes and traps.

use stoker_types::{Reason, runner::Outcome};

use super::lab::{command, trial};
use crate::engine::MemoryProfile;

#[test]
fn returning_from_start_is_exit_code_0_on_both_profiles() {
    for profile in [MemoryProfile::Large, MemoryProfile::Small] {
        let end = trial(r#"(module (func (export "_start")))"#)
            .on(profile)
            .run();
        assert_eq!(end.outcome, Outcome::Exited { code: 0 });
        assert_eq!(end.usage.mem_peak, 0);
    }
}

#[test]
fn every_exit_code_is_told_as_it_is() {
    for code in [0, 1, 7, 125, 126, 255, i32::MAX, -1] {
        let end = trial(command(&format!("(call $exit (i32.const {code}))"))).run();
        assert_eq!(end.outcome, Outcome::Exited { code });
    }
}

#[test]
fn traps_are_named_with_their_frames() {
    let cases = [
        (
            "unreachable",
            "unreachable",
            "`unreachable` instruction executed",
        ),
        (
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            "div",
            "integer divide by zero",
        ),
        (
            "(drop (i32.load (i32.const 65536)))",
            "load",
            "out of bounds memory access",
        ),
        (
            "(drop (i32.trunc_f32_s (f32.const nan)))",
            "trunc",
            "invalid conversion to integer",
        ),
    ];
    for (body, name, message) in cases {
        let wat = format!(
            r#"(module (memory (export "memory") 1)
                (func ${name} {body})
                (func $caller (call ${name}))
                (func (export "_start") (call $caller)))"#
        );
        let end = trial(wat).run();
        let (reason, told) = end.failure();
        assert_eq!(reason, Reason::Trap, "{name}");
        assert!(told.contains(message), "{name}: {told}");
        let frames: Vec<&str> = told.lines().skip(1).map(str::trim).collect();
        assert!(frames[0].starts_with(&format!("at {name} (+0x")), "{told}");
        assert!(frames[1].starts_with("at caller (+0x"), "{told}");
    }
}

#[test]
fn endless_recursion_is_a_trap_with_a_bounded_message() {
    let end = trial(r#"(module (func $down (export "_start") (call $down)))"#).run();
    let (reason, message) = end.failure();
    assert_eq!(reason, Reason::Trap);
    assert!(message.contains("call stack exhausted"), "{message}");
    assert_eq!(message.lines().count(), 17, "the innermost 16 frames");
}

#[test]
fn names_in_a_trap_cannot_control_a_terminal() {
    let wat = r#"(module (func $"\1b[2J" unreachable) (func (export "_start") (call 0)))"#;
    let end = trial(wat).run();
    let (_, message) = end.failure();
    assert!(message.contains("\\u{1b}[2J"), "{message}");
    assert!(!message.contains('\u{1b}'), "{message}");
}

#[test]
fn data_past_the_memory_is_a_trap() {
    let wat = r#"(module (memory 1) (data (i32.const 65535) "ab") (func (export "_start")))"#;
    let end = trial(wat).run();
    assert_eq!(end.failure().0, Reason::Trap);
}

#[test]
fn too_much_randomness_at_once_is_a_trap_and_a_little_is_not() {
    let wat = |bytes: u32| {
        format!(
            r#"(module
                (import "wasi_snapshot_preview1" "random_get"
                    (func $random (param i32 i32) (result i32)))
                (memory (export "memory") 2)
                (func (export "_start")
                    (if (call $random (i32.const 0) (i32.const {bytes})) (then unreachable))))"#
        )
    };
    assert_eq!(trial(wat(65536)).run().outcome, Outcome::Exited { code: 0 });
    assert_eq!(trial(wat(65537)).run().failure().0, Reason::Trap);
}
