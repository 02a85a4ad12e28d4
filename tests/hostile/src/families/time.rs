//! Guests that are after time and work: to run, or to wait, for longer than they may.

use std::time::Duration;

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::{command, for_ever, program},
};

const FUEL: &str = "fuel";
const WALL_TIME: &str = "wall time";
const EXHAUSTED: &[End] = &[End::Fails(Reason::FuelExhausted)];
const DEADLINE: &[End] = &[End::Fails(Reason::Deadline)];

pub(super) fn attacks() -> Vec<Attack> {
    [work(), wall_time()].concat()
}

fn budget(task: Task) -> Task {
    task.fuel_budget(50_000_000)
}

fn deadline(task: Task) -> Task {
    task.timeout(Duration::from_secs(1))
}

fn work() -> Vec<Attack> {
    let memory = "(memory (export \"memory\") 1)";
    vec![
        Attack::new("works past its budget", FUEL, for_ever(""), EXHAUSTED).asking(budget),
        Attack::new(
            "works past its budget in its start function",
            FUEL,
            program(
                &format!("{memory} (func $f (loop $l (br $l))) (start $f)"),
                "",
            ),
            EXHAUSTED,
        )
        .asking(budget),
        Attack::new(
            "works past its budget in calls without loops",
            FUEL,
            program(
                &format!(
                    "{memory} (func $f (param i32)
                        (if (local.get 0) (then
                            (call $f (i32.sub (local.get 0) (i32.const 1)))
                            (call $f (i32.sub (local.get 0) (i32.const 1))))))"
                ),
                "(call $f (i32.const 60))",
            ),
            EXHAUSTED,
        )
        .asking(budget),
        Attack::new(
            "works past its budget in copies of memory",
            FUEL,
            for_ever("(memory.copy (i32.const 1) (i32.const 0) (i32.const 65535))"),
            EXHAUSTED,
        )
        .asking(budget),
        Attack::new(
            "works past its budget in tail calls",
            FUEL,
            program(&format!("{memory} (func $f (return_call $f))"), "(call $f)"),
            EXHAUSTED,
        )
        .asking(budget),
    ]
}

fn wall_time() -> Vec<Attack> {
    let memory = "(memory (export \"memory\") 1)";
    // One subscription to the monotonic clock: a year from now.
    let year = "(i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 31536000000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))";
    // The same, at a time that no clock of 64 bits reaches.
    let end_of_time = year.replace("31536000000000000", "-1");
    let attack = |name, text: String| Attack::new(name, WALL_TIME, text, DEADLINE).asking(deadline);
    vec![
        attack("spins", for_ever("")),
        attack("sleeps for a year", command(year)),
        attack("sleeps until the end of time", command(&end_of_time)),
        attack(
            "never returns from its start function",
            program(
                &format!("{memory} (func $f (loop $l (br $l))) (start $f)"),
                "",
            ),
        ),
        attack(
            "sleeps for a year in its start function",
            program(&format!("{memory} (func $f {year}) (start $f)"), ""),
        ),
        attack(
            "naps for ever",
            for_ever(&year.replace("31536000000000000", "1")),
        ),
        // 64 KiB a write, at 8 MiB a second: blocked in the host nearly all of the time.
        attack(
            "is blocked in its writes",
            for_ever(
                "(i32.store (i32.const 4) (i32.const 65528))
                 (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
            ),
        ),
    ]
}
