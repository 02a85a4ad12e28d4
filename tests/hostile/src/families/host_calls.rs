//! Guests that are after the host's own time and memory: storms of cheap calls, and single calls
//! that ask for far too much.

use std::time::Duration;

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::{command, for_ever, program},
};

const STORM: &str = "time in host calls";
const ENOUGH: &[End] = &[End::Fails(Reason::Deadline)];
const REFUSED: &[End] = &[End::Exits(0)];
const TRAP: &[End] = &[End::Fails(Reason::Trap)];

pub(super) fn attacks() -> Vec<Attack> {
    [
        storms(),
        subscriptions(),
        buffers(),
        randomness(),
        surroundings(),
    ]
    .concat()
}

fn deadline(task: Task) -> Task {
    task.timeout(Duration::from_secs(1))
}

/// None of these burns more than a few units of fuel a call.
fn storms() -> Vec<Attack> {
    let storm = |name, call: &str| {
        Attack::new(name, STORM, for_ever(&format!("(drop {call})")), ENOUGH).asking(deadline)
    };
    vec![
        storm(
            "asks for the time, again and again",
            "(call $clock (i32.const 1) (i64.const 1) (i32.const 0))",
        ),
        storm(
            "writes nothing, again and again",
            "(call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8))",
        ),
        storm(
            "writes an empty buffer, again and again",
            "(call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8))",
        ),
        storm(
            "asks for a random byte, again and again",
            "(call $random (i32.const 0) (i32.const 1))",
        ),
        storm(
            "asks for all the random bytes that it may, again and again",
            "(call $random (i32.const 0) (i32.const 65536))",
        ),
        storm("yields, again and again", "(call $yield)"),
        storm(
            "asks for its arguments, again and again",
            "(call $args (i32.const 0) (i32.const 1024))",
        ),
        storm(
            "looks for folders that are not there, again and again",
            "(call $prestat (i32.const 77) (i32.const 0))",
        ),
        storm(
            "closes what is not open, again and again",
            "(call $close (i32.const 77))",
        ),
        storm(
            "polls nothing, again and again",
            "(call $poll (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        ),
        storm(
            "reads from its empty input, again and again",
            "(call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8))",
        ),
    ]
}

fn subscriptions() -> Vec<Attack> {
    const SUBSCRIPTIONS: &str = "subscriptions";
    let memory = "(memory (export \"memory\") 2000)";
    // 48 bytes each; the first memory page stays for the answers' count.
    let poll = |count: u32| {
        format!(
            "(call $poll (i32.const 65536) (i32.const 48065536) (i32.const {count}) (i32.const 0))"
        )
    };
    let refused = |count| format!("(if (i32.eqz {}) (then unreachable))", poll(count));
    let large = |task: Task| task.mem_mib(256);
    vec![
        Attack::new(
            "polls a million subscriptions",
            SUBSCRIPTIONS,
            program(memory, &refused(1_000_000)),
            REFUSED,
        )
        .asking(large),
        Attack::new(
            "polls four billion subscriptions",
            SUBSCRIPTIONS,
            program(memory, &refused(u32::MAX)),
            REFUSED,
        )
        .asking(large),
        Attack::new(
            "polls one subscription more than it may",
            SUBSCRIPTIONS,
            program(memory, &refused(129)),
            REFUSED,
        )
        .asking(large),
        Attack::new(
            "polls as many clocks as it may, again and again",
            SUBSCRIPTIONS,
            program(
                memory,
                &format!("(loop $again (drop {}) (br $again))", poll(128)),
            ),
            ENOUGH,
        )
        .asking(|task| task.mem_mib(256).timeout(Duration::from_secs(1))),
    ]
}

fn buffers() -> Vec<Attack> {
    const BUFFERS: &str = "bytes of a host call";
    let memory = "(memory (export \"memory\") 2000)";
    let write = |iovecs: u32, count: u32| {
        format!(
            "(call $write (i32.const 1) (i32.const {iovecs}) (i32.const {count}) (i32.const 8))"
        )
    };
    // A buffer of 120 MiB: only a part may be written at once.
    let in_part = format!(
        "(i32.store (i32.const 20) (i32.const 125829120))
         (if {} (then unreachable))
         (if (i32.gt_u (i32.load (i32.const 8)) (i32.const 1048576)) (then unreachable))",
        write(16, 1)
    );
    let large = |task: Task| task.mem_mib(256);
    let outside = format!(
        "(i32.store (i32.const 20) (i32.const -1))
         (if (i32.eqz {}) (then unreachable))",
        write(16, 1)
    );
    vec![
        Attack::new(
            "writes 120 MiB at once",
            BUFFERS,
            program(memory, &in_part),
            REFUSED,
        )
        .asking(large),
        Attack::new(
            "writes from a buffer that ends outside its memory",
            BUFFERS,
            program(memory, &outside),
            &[End::Exits(0), End::Fails(Reason::Trap)],
        )
        .asking(large),
        Attack::new(
            "writes a million buffers of nothing at once, again and again",
            BUFFERS,
            program(
                memory,
                &format!(
                    "(loop $again (drop {}) (br $again))",
                    write(65536, 1_000_000)
                ),
            ),
            ENOUGH,
        )
        .asking(|task| task.mem_mib(256).timeout(Duration::from_secs(1))),
        Attack::new(
            "reads into four billion buffers",
            BUFFERS,
            command("(drop (call $read (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 8)))"),
            &[End::Exits(0), End::Fails(Reason::Trap)],
        ),
    ]
}

fn randomness() -> Vec<Attack> {
    const RANDOM: &str = "random bytes of a call";
    let memory = "(memory (export \"memory\") 2000)";
    vec![
        Attack::new(
            "asks for 120 MiB of random bytes at once",
            RANDOM,
            program(
                memory,
                "(drop (call $random (i32.const 0) (i32.const 125829120)))",
            ),
            TRAP,
        )
        .asking(|task| task.mem_mib(256)),
        Attack::new(
            "asks for four billion random bytes at once",
            RANDOM,
            command("(drop (call $random (i32.const 0) (i32.const -1)))"),
            TRAP,
        ),
    ]
}

fn surroundings() -> Vec<Attack> {
    const SURROUNDINGS: &str = "arguments and environment";
    let attack = |name, asks: fn(Task) -> Task| {
        Attack::new(name, SURROUNDINGS, command(""), &[End::Refused]).asking(asks)
    };
    vec![
        attack("has an argument of 40 KiB", |task| {
            task.arg("x".repeat(40 << 10))
        }),
        attack("has two thousand arguments", |task| {
            task.args((0..2000).map(|_| String::new()))
        }),
        attack("has a variable of 40 KiB", |task| {
            task.env("LARGE", "x".repeat(40 << 10))
        }),
        attack("has two thousand variables", |task| {
            (0..2000).fold(task, |task, number| task.env(format!("N{number}"), ""))
        }),
        attack("sets a variable of Stoker's", |task| {
            task.env("STOKER_TASK_ID", "another")
        }),
    ]
}
