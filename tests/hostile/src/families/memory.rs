//! Guests that are after memory: in one piece, in steps, from the start, in tables, in many
//! memories.

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::{command, program},
};

const MEMORY: &str = "memory";
const TABLES: &str = "tables";
const LANGUAGE: &str = "language";
const OVER: &[End] = &[End::Fails(Reason::MemoryLimit)];
const TOO_LARGE: &[End] = &[End::Fails(Reason::ModuleTooLarge)];
const INVALID: &[End] = &[End::Fails(Reason::ModuleInvalid)];

pub(super) fn attacks() -> Vec<Attack> {
    [&memories()[..], &tables(), &more_memories()].concat()
}

/// 16 MiB are 256 pages.
fn memories() -> [Attack; 5] {
    [
        Attack::new(
            "grows its memory in steps until it may not, and uses it all the same",
            MEMORY,
            command(
                "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                 (i32.store (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))",
            ),
            OVER,
        ),
        Attack::new(
            "grows its memory by 2 GiB at once",
            MEMORY,
            command(
                "(if (i32.eq (memory.grow (i32.const 32768)) (i32.const -1)) (then unreachable))",
            ),
            OVER,
        ),
        Attack::new(
            "grows its memory by 4 GiB at once, takes the refusal and goes on",
            MEMORY,
            command(
                "(if (i32.ne (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))",
            ),
            &[End::Exits(0)],
        ),
        Attack::new(
            "has 4 GiB from the start",
            MEMORY,
            program("(memory (export \"memory\") 65536)", ""),
            OVER,
        ),
        Attack::new(
            "fills all of a large memory, again and again",
            MEMORY,
            program(
                "(memory (export \"memory\") 4000)",
                "(loop $again
                    (memory.fill (i32.const 0) (i32.const 7) (i32.const 262144000))
                    (br $again))",
            ),
            &[End::Fails(Reason::FuelExhausted)],
        )
        .asking(|task: Task| task.mem_mib(256).fuel_budget(2_000_000_000)),
    ]
}

fn tables() -> [Attack; 5] {
    [
        Attack::new(
            "grows its table in steps until it may not, and uses it all the same",
            TABLES,
            program(
                "(memory (export \"memory\") 1) (table $t 1 funcref)",
                "(loop $again (br_if $again (i32.ne
                    (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
                 (table.set $t (table.size $t) (ref.null func))",
            ),
            OVER,
        )
        .asking(|task| task.mem_mib(1)),
        Attack::new(
            "has a table of ten million elements from the start",
            TABLES,
            program(
                "(memory (export \"memory\") 1) (table 10000000 funcref)",
                "",
            ),
            TOO_LARGE,
        ),
        Attack::new(
            "grows its table by four billion elements at once",
            TABLES,
            program(
                "(memory (export \"memory\") 1) (table $t 1 funcref)",
                "(if (i32.eq (table.grow $t (ref.null func) (i32.const -2)) (i32.const -1))
                    (then unreachable))",
            ),
            OVER,
        ),
        Attack::new(
            "has a hundred tables",
            TABLES,
            program(
                &format!(
                    "(memory (export \"memory\") 1) {}",
                    "(table 1 funcref)".repeat(100)
                ),
                "",
            ),
            TOO_LARGE,
        ),
        Attack::new(
            "has as many tables as it may, each as large as its memory",
            TABLES,
            program(
                &format!(
                    "(memory (export \"memory\") 1) {}",
                    "(table 100000 funcref)".repeat(4)
                ),
                "",
            ),
            OVER,
        )
        .asking(|task| task.mem_mib(2)),
    ]
}

/// Memories that would escape the account are no part of the language here.
fn more_memories() -> [Attack; 4] {
    [
        Attack::new(
            "has two memories",
            LANGUAGE,
            program("(memory (export \"memory\") 1) (memory 1)", ""),
            INVALID,
        ),
        Attack::new(
            "has a memory of 64-bit addresses",
            LANGUAGE,
            program("(memory (export \"memory\") i64 1)", ""),
            INVALID,
        ),
        Attack::new(
            "has a memory that threads share",
            LANGUAGE,
            program("(memory (export \"memory\") 1 1 shared)", ""),
            INVALID,
        ),
        Attack::new(
            "has a heap of its own structures",
            LANGUAGE,
            program(
                "(memory (export \"memory\") 1) (type $s (struct (field i32)))",
                "(drop (struct.new $s (i32.const 1)))",
            ),
            INVALID,
        ),
    ]
}
