//! Output: byte for byte, in order, capped, and at a bounded rate.

use std::time::{Duration, Instant};

use stoker_types::{Reason, runner::Outcome};

use super::lab::{WASI, command, trial};
use crate::output::Policy;

/// Writes `bytes` zero bytes to `fd`, in one call.
fn write(fd: u32, bytes: u32) -> String {
    format!(
        "(i32.store (i32.const 0) (i32.const 64))
         (i32.store (i32.const 4) (i32.const {bytes}))
         (if (call $write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 8))
             (then unreachable))"
    )
}

#[test]
fn stdout_and_stderr_arrive_byte_for_byte() {
    let wat = format!(
        r#"(module {WASI} (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\06\00\00\00\20\00\00\00\05\00\00\00")
            (data (i32.const 16) "out\00\ff\0a") (data (i32.const 32) "error")
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
                (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 64)))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"#
    );
    let end = trial(wat).run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert_eq!(end.stdout.bytes, b"out\0\xff\nout\0\xff\n");
    assert_eq!(end.stderr.bytes, b"error");
}

#[test]
fn output_past_the_cap_ends_the_task_and_what_fits_is_kept() {
    let wat = command(&[write(1, 6000), write(2, 4000), write(1, 1)].concat());
    let end = trial(wat.clone()).output(10_001).run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    let end = trial(wat).output(9000).run();
    assert_eq!(end.failure().0, Reason::OutputLimit);
    assert_eq!(
        (end.stdout.bytes.len(), end.stderr.bytes.len()),
        (6000, 3000)
    );
}

#[test]
fn a_flood_ends_at_the_cap() {
    let wat = command(&format!("(loop $l {} (br $l))", write(1, 60_000)));
    let end = trial(wat).output(300_000).run();
    assert_eq!(end.failure().0, Reason::OutputLimit);
    assert_eq!(end.stdout.bytes.len(), 300_000);
}

#[test]
fn output_over_the_rate_waits_without_burning_time() {
    let wat = command(&[write(1, 50_000), write(2, 50_000)].concat());
    let mut slow = trial(wat);
    // 40,000 bytes pass at once and 60,000 wait: 150 ms.
    slow.policy = Policy {
        rate: 400_000,
        burst: 40_000,
        cap: 1 << 20,
    };
    let begun = Instant::now();
    let end = slow.run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert_eq!(end.stdout.bytes.len() + end.stderr.bytes.len(), 100_000);
    assert!(
        begun.elapsed() >= Duration::from_millis(149),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        end.usage.cpu_time < Duration::from_millis(100),
        "{:?}",
        end.usage.cpu_time
    );
}

#[test]
fn a_guest_that_waits_for_the_rate_can_be_killed() {
    let mut slow = trial(command(&write(1, 50_000)));
    slow.policy = Policy {
        rate: 1,
        burst: 1,
        cap: 1 << 20,
    };
    let running = slow.start();
    running.wait_for_start();
    running.stopper.stop();
    assert_eq!(running.wait().outcome, Outcome::Killed);
}
