//! Guests that are after the host by way of exceptions: storms of them, and many kept alive.

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::program,
};

const FUEL: &str = "fuel";
const MEMORY: &str = "memory";
const THROWN: &str = "(memory (export \"memory\") 1) (tag $t (param i64 i64 i64 i64))
    (func $throw (throw $t (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))";

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "throws and catches for ever",
            FUEL,
            program(
                THROWN,
                "(loop $again
                    (block $caught (result exnref)
                        (try_table (catch_all_ref $caught) (call $throw))
                        unreachable)
                    drop (br $again))",
            ),
            &[End::Fails(Reason::FuelExhausted)],
        )
        .asking(budget),
        Attack::new(
            "throws through a deep stack for ever",
            FUEL,
            program(
                &format!(
                    "{THROWN} (func $deep (param i32)
                        (if (i32.eqz (local.get 0)) (then (call $throw)))
                        (call $deep (i32.sub (local.get 0) (i32.const 1)))
                        (drop (i32.const 0)))"
                ),
                "(loop $again
                    (block $caught (try_table (catch_all $caught) (call $deep (i32.const 3000))))
                    (br $again))",
            ),
            &[End::Fails(Reason::FuelExhausted)],
        )
        .asking(budget),
        Attack::new(
            "keeps all that it throws",
            MEMORY,
            program(
                &format!(
                    "{THROWN} (table $kept 100000 exnref) (global $n (mut i32) (i32.const 0))"
                ),
                "(loop $again
                    (table.set $kept (global.get $n)
                        (block $caught (result exnref)
                            (try_table (catch_all_ref $caught) (call $throw))
                            unreachable))
                    (global.set $n (i32.add (global.get $n) (i32.const 1)))
                    (br $again))",
            ),
            &[End::Fails(Reason::MemoryLimit)],
        )
        .asking(|task| task.mem_mib(2)),
        Attack::new(
            "throws what nobody catches",
            "traps",
            program(THROWN, "(call $throw)"),
            &[End::Fails(Reason::Trap)],
        ),
    ]
}

fn budget(task: Task) -> Task {
    task.fuel_budget(50_000_000)
}
