//! Guests that are after the stack, and after what a trap at its end costs.

use stoker_sdk_scheduler::Reason;

use crate::{
    attack::{Attack, End},
    text::{command, program},
};

const STACK: &str = "stack";
const BACKTRACE: &str = "backtrace";
const TRAP: &[End] = &[End::Fails(Reason::Trap)];

const PAGE: &str = "(memory (export \"memory\") 1)";

pub(super) fn attacks() -> Vec<Attack> {
    [recursion(), traps()].concat()
}

fn recursion() -> Vec<Attack> {
    let values = "(local.get 0)".repeat(500);
    let sums = "i64.add".to_owned() + &" i64.add".repeat(498);
    vec![
        Attack::new(
            "calls itself for ever",
            STACK,
            program(
                &format!("{PAGE} (func $f (call $f) (call $f))"),
                "(call $f)",
            ),
            TRAP,
        ),
        Attack::new(
            "calls itself for ever with large frames",
            STACK,
            program(
                &format!(
                    "{PAGE} (func $f (param i64) (result i64)
                        (call $f (i64.add (local.get 0) (i64.const 1))) {values} {sums} i64.add)"
                ),
                "(drop (call $f (i64.const 0)))",
            ),
            TRAP,
        ),
        Attack::new(
            "calls itself for ever by way of its table",
            STACK,
            program(
                &format!(
                    "{PAGE} (type $v (func)) (table 1 funcref) (elem (i32.const 0) $f)
                     (func $f (call_indirect (type $v) (i32.const 0)) (call $f))"
                ),
                "(call $f)",
            ),
            TRAP,
        ),
        Attack::new(
            "enters the host from the end of its stack",
            STACK,
            program(
                &format!(
                    "{PAGE} (func $f (param i32)
                        (drop (call $random (i32.const 0) (i32.const 64)))
                        (call $f (i32.add (local.get 0) (i32.const 1)))
                        (drop (call $random (i32.const 0) (i32.const 64))))"
                ),
                "(call $f (i32.const 0))",
            ),
            TRAP,
        ),
        Attack::new(
            "calls itself in its start function",
            STACK,
            program(
                &format!("{PAGE} (func $f (call $f) (call $f)) (start $f)"),
                "",
            ),
            TRAP,
        ),
    ]
}

fn traps() -> Vec<Attack> {
    let long_name = "n".repeat(50_000);
    vec![
        Attack::new(
            "traps deep down in functions of very long names",
            BACKTRACE,
            program(
                &format!(
                    "{PAGE} (func ${long_name} (param i32)
                        (if (i32.eqz (local.get 0)) (then unreachable))
                        (call ${long_name} (i32.sub (local.get 0) (i32.const 1)))
                        (drop (i32.const 0)))"
                ),
                &format!("(call ${long_name} (i32.const 2000))"),
            ),
            TRAP,
        ),
        Attack::new(
            "traps in a function whose name would command a terminal",
            BACKTRACE,
            command("unreachable").replacen(
                "(func (export",
                "(func $\"\\1b[2J\\1b]0;owned\\07\" (export",
                1,
            ),
            TRAP,
        ),
    ]
}
