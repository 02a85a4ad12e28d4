//! Wall time and kills: a guest ends whether it spins, sleeps or has not got to its main function.

use std::time::{Duration, Instant};

use stoker_types::{Reason, runner::Outcome};

use super::lab::{command, sleep, trial};

const YEAR_NANOS: u64 = 365 * 24 * 3600 * 1_000_000_000;
const SPIN: &str = "(loop $l (br $l))";

#[test]
fn a_deadline_ends_whatever_the_guest_does() {
    let cases = [
        ("spins", command(SPIN)),
        ("sleeps", command(&sleep(YEAR_NANOS))),
        (
            "sleeps in small pieces",
            command(&format!("(loop $l {} (br $l))", sleep(1000))),
        ),
        (
            "never gets to its main function",
            format!(r#"(module (func $s {SPIN}) (start $s) (func (export "_start")))"#),
        ),
    ];
    for (what, wat) in cases {
        let limit = Duration::from_millis(50);
        let end = trial(wat).wall_time(limit).run();
        let (reason, message) = end.failure();
        assert_eq!(reason, Reason::Deadline, "a guest that {what}");
        assert!(message.contains("50ms"), "{message}");
        assert!(end.usage.wall_time >= limit, "{:?}", end.usage.wall_time);
    }
}

#[test]
fn a_guest_within_its_deadline_is_not_touched() {
    let begun = Instant::now();
    let end = trial(command(&sleep(20_000_000)))
        .wall_time(Duration::from_secs(60))
        .run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert!(
        end.usage.cpu_time < Duration::from_millis(20),
        "sleeping is no CPU time"
    );
}

#[test]
fn a_kill_ends_a_guest_that_spins_sleeps_or_calls_the_host() {
    let cases = [
        ("spins", command(SPIN)),
        ("sleeps", command(&sleep(YEAR_NANOS))),
        (
            "calls the host",
            command(&format!("(loop $l {} (br $l))", sleep(0))),
        ),
    ];
    for (what, wat) in cases {
        let running = trial(wat).start();
        running.wait_for_start();
        running.stopper.stop();
        assert_eq!(
            running.wait().outcome,
            Outcome::Killed,
            "a guest that {what}"
        );
    }
}

#[test]
fn a_kill_before_the_first_slice_or_after_the_end_does_no_harm() {
    let running = trial(command(SPIN)).start();
    running.stopper.stop();
    let stopper = running.stopper.clone();
    assert_eq!(running.wait().outcome, Outcome::Killed);
    stopper.stop();
}

#[test]
fn cpu_time_is_that_of_the_guest() {
    let wat = command(
        "(local $i i32) (loop $again
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 20000000))))",
    );
    let end = trial(wat).run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert!(
        end.usage.cpu_time > Duration::from_millis(1),
        "{:?}",
        end.usage.cpu_time
    );
    // Its way through the queue and its burial count too, and are outside of its wall time.
    let most = end.usage.wall_time + Duration::from_millis(5);
    assert!(end.usage.cpu_time <= most, "{:?}", end.usage);
}
