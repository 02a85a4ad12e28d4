//! Guests that are after the log's room on disk, and after the threads that write it.

use std::time::Duration;

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::for_ever,
};

const OUTPUT: &str = "output";
const OVER: &[End] = &[End::Fails(Reason::OutputLimit)];

pub(super) fn attacks() -> Vec<Attack> {
    // One buffer of so many bytes.
    let write = |stream: u8, bytes: u32| {
        format!(
            "(i32.store (i32.const 4) (i32.const {bytes}))
             (drop (call $write (i32.const {stream}) (i32.const 0) (i32.const 1) (i32.const 8)))"
        )
    };
    let flood = |name, body: String| {
        Attack::new(name, OUTPUT, for_ever(&body), OVER)
            .asking(|task: Task| task.output_limit(1 << 20))
    };
    vec![
        flood("floods its stdout", write(1, 65536)),
        flood("floods its stderr", write(2, 65536)),
        flood("floods both by turns", write(1, 60_000) + &write(2, 60_000)),
        Attack::new(
            "writes byte by byte for ever",
            OUTPUT,
            for_ever(&(write(1, 1) + &write(2, 1))),
            &[
                End::Fails(Reason::OutputLimit),
                End::Fails(Reason::Deadline),
            ],
        )
        .asking(|task| task.output_limit(1 << 20).timeout(Duration::from_secs(2))),
    ]
}
