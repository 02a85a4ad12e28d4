//! Guests that are after the host's descriptors.

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::program,
};

const DESCRIPTORS: &str = "descriptors";

/// Imports are the module's first fields, so these come in a module of their own.
const OPEN: &str = "(import \"wasi_snapshot_preview1\" \"path_open\"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))";

/// `.` is descriptor 3; the name `f` is at 0, the new descriptor at 16. Creates, to read and write.
const OPEN_CALL: &str = "(call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
    (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 16))";

pub(super) fn attacks() -> Vec<Attack> {
    let text = |body: &str| {
        program(
            "(memory (export \"memory\") 1) (data (i32.const 0) \"f\")",
            body,
        )
        .replacen("(module", &format!("(module {OPEN}"), 1)
    };
    vec![
        Attack::new(
            "opens a file again and again and closes it never",
            DESCRIPTORS,
            text(&format!(
                "(loop $again (br_if $again (i32.eqz {OPEN_CALL})))"
            )),
            &[End::Exits(0), End::Fails(Reason::Trap)],
        )
        .asking(with_disk),
        Attack::new(
            "gives a descriptor every number that there is",
            DESCRIPTORS,
            text(
                "(local $n i32) (loop $again
                    (drop (call $renumber (i32.const 0) (local.get $n)))
                    (drop (call $renumber (local.get $n) (i32.const 0)))
                    (local.set $n (i32.add (local.get $n) (i32.const 4099)))
                    (br_if $again (i32.ne (local.get $n) (i32.const 409900000))))",
            ),
            &[End::Exits(0), End::Fails(Reason::Trap)],
        ),
    ]
}

/// A guest that opens files until it has nearly all that it may have, and then sleeps with them for
/// a year.
pub(super) fn keeper() -> String {
    program(
        "(memory (export \"memory\") 1) (data (i32.const 0) \"f\")",
        &format!(
            "(local $n i32)
             (loop $again
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.and (i32.eqz {OPEN_CALL}) (i32.lt_u (local.get $n) (i32.const 200)))))
             (i32.store (i32.const 16) (i32.const 1))
             (i64.store (i32.const 24) (i64.const 31536000000000000))
             (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))"
        ),
    )
    .replacen("(module", &format!("(module {OPEN}"), 1)
}

fn with_disk(task: Task) -> Task {
    task.disk(1 << 20)
}
