//! Guests that are told to end before they are.

use std::time::Duration;

use stoker_types::runner::Outcome;

use super::lab::{End, Running, WASI, sleep, trial};

/// A module whose `_start` is `body`, and whose `stoker_stop` is `stop`. Both may set `$told`, and
/// call `$say` with the place and the length of a text: `told` at 200, `bye` at 210.
fn module(body: &str, stop: &str) -> String {
    format!(
        r#"(module {WASI} (memory (export "memory") 1)
            (data (i32.const 200) "told") (data (i32.const 210) "bye")
            (global $told (mut i32) (i32.const 0))
            (func $say (param $at i32) (param $length i32)
                (i32.store (i32.const 240) (local.get $at))
                (i32.store (i32.const 244) (local.get $length))
                (drop (call $write (i32.const 1) (i32.const 240) (i32.const 1) (i32.const 248))))
            (func (export "stoker_stop") {stop})
            (func (export "_start") {body}))"#
    )
}

const SET: &str = "(global.set $told (i32.const 1))";
const UNTIL_TOLD: &str = "(loop $again (br_if $again (i32.eqz (global.get $told))))";
const BYE: &str = "(call $say (i32.const 210) (i32.const 3))";

fn started(body: &str, stop: &str) -> Running {
    let running = trial(module(body, stop)).start();
    running.wait_for_start();
    running
}

fn asked(body: &str, stop: &str) -> End {
    let running = started(body, stop);
    assert!(running.stopper.ask());
    running.wait()
}

fn said(end: &End) -> &str {
    std::str::from_utf8(&end.stdout.bytes).unwrap()
}

#[test]
fn a_guest_that_spins_is_told_at_its_next_yield_and_goes_on() {
    let end = asked(&format!("{UNTIL_TOLD} {BYE}"), SET);
    assert_eq!((&end.outcome, said(&end)), (&Outcome::Killed, "bye"));
    assert!(end.usage.fuel_used > 0);
}

#[test]
fn a_guest_that_sleeps_is_woken_and_told() {
    let body = format!("{} (if (global.get $told) (then {BYE}))", sleep(1 << 60));
    let end = asked(&body, SET);
    assert_eq!((&end.outcome, said(&end)), (&Outcome::Killed, "bye"));
    // It stays awake: each later sleep is over at once as well.
    let end = asked(&format!("{0} {0} {0} {BYE}", sleep(1 << 60)), "");
    assert_eq!((&end.outcome, said(&end)), (&Outcome::Killed, "bye"));
}

#[test]
fn it_may_print_sleep_and_exit_by_itself() {
    let told = "(call $say (i32.const 200) (i32.const 4))";
    let stop = format!("{told} {SET} {}", sleep(1_000_000));
    let end = asked(&format!("{UNTIL_TOLD} {BYE}"), &stop);
    assert_eq!((&end.outcome, said(&end)), (&Outcome::Killed, "toldbye"));
    let end = asked(UNTIL_TOLD, &format!("{told} (call $exit (i32.const 0))"));
    assert_eq!((&end.outcome, said(&end)), (&Outcome::Killed, "told"));
    let end = asked(UNTIL_TOLD, "unreachable");
    assert_eq!(end.outcome, Outcome::Killed);
}

#[test]
fn it_is_told_once() {
    let told = "(call $say (i32.const 200) (i32.const 4))";
    let running = started(
        &format!("{UNTIL_TOLD} {0} {0} {BYE}", sleep(1_000_000)),
        &format!("{told} {SET}"),
    );
    for _ in 0..3 {
        assert!(running.stopper.ask());
    }
    let end = running.wait();
    assert_eq!((&end.outcome, said(&end)), (&Outcome::Killed, "toldbye"));
}

#[test]
fn a_guest_that_takes_too_long_is_ended_all_the_same() {
    let forever = "(loop $again (br $again))";
    let nested = format!("{SET} {}", sleep(1 << 60));
    for stop in [forever, "", nested.as_str()] {
        let told = started(forever, stop);
        assert!(told.stopper.ask());
        let give_up = std::time::Instant::now() + Duration::from_secs(60);
        while !told.account.is_stop_hook_called() {
            assert!(std::time::Instant::now() < give_up, "never told");
            std::thread::sleep(Duration::from_millis(1));
        }
        told.stopper.stop();
        let end = told.wait();
        assert_eq!(end.outcome, Outcome::Killed);
        assert_eq!(end.usage.mem, 0);
    }
}

#[test]
fn an_end_before_it_was_told_is_its_own() {
    let running = started("(call $exit (i32.const 3))", SET);
    assert_eq!(running.wait().outcome, Outcome::Exited { code: 3 });
}

#[test]
fn a_fuel_budget_holds_while_it_handles_that() {
    let forever = "(loop $again (br $again))";
    let running = trial(module(UNTIL_TOLD, forever)).fuel(50_000_000).start();
    running.wait_for_start();
    running.stopper.ask();
    let end = running.wait();
    assert!(end.usage.fuel_used <= 50_000_000, "{end:?}");
    assert!(matches!(
        end.outcome,
        Outcome::Killed | Outcome::Failed { .. }
    ));
}

#[test]
fn a_guest_without_a_function_for_it_or_with_another_one_is_not_told() {
    let other = r#"(module (memory (export "memory") 1)
        (func (export "stoker_stop") (param i32))
        (func (export "_start") (loop $again (br $again))))"#;
    for wat in [
        super::lab::command("(loop $again (br $again))"),
        other.to_owned(),
    ] {
        let running = trial(wat).start();
        running.wait_for_start();
        assert!(!running.stopper.ask());
        running.stopper.stop();
        assert_eq!(running.wait().outcome, Outcome::Killed);
    }
}
