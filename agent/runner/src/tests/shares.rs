//! Fair time and ceilings with real guests. What is compared is CPU time, which a loaded machine does
//! not change.

use std::{
    thread,
    time::{Duration, Instant},
};

use stoker_types::{Reason, runner::Outcome};

use super::lab::{Running, Trial, command, sleep, trial, workers};
use crate::executor::Executor;

const SPIN: &str = "(loop $l (br $l))";
/// Asks for the time without an end: next to no fuel, all of it host time.
const ASK: &str = "(loop $l (drop (call $time (i32.const 1) (i64.const 1) (i32.const 0))) (br $l))";
/// Far longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A guest that asks for the time all the time.
fn asks() -> Trial {
    trial(format!(
        r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get"
                (func $time (param i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") {ASK}))"#
    ))
}

fn start(executor: &Executor, guests: &[Trial]) -> Vec<Running> {
    let start = |guest: &Trial| {
        let (key, modules) = guest.modules();
        guest.start_on(executor, &key, &modules)
    };
    let running: Vec<_> = guests.iter().map(start).collect();
    running.iter().for_each(Running::wait_for_start);
    running
}

fn cpu(guests: &[Running]) -> Vec<Duration> {
    let used = guests.iter().map(|guest| guest.account.usage().cpu_time);
    used.collect()
}

/// The part that each guest got of the next `time` of CPU time that all of them get.
fn parts(guests: &[Running], time: Duration) -> Vec<f64> {
    let before = cpu(guests);
    let give_up = Instant::now() + PATIENCE;
    loop {
        let now = cpu(guests);
        let used: Vec<_> = now
            .iter()
            .zip(&before)
            .map(|(now, before)| *now - *before)
            .collect();
        let total: Duration = used.iter().sum();
        if total >= time {
            return used
                .iter()
                .map(|used| used.as_secs_f64() / total.as_secs_f64())
                .collect();
        }
        assert!(Instant::now() < give_up, "the guests got only {used:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn end(guests: Vec<Running>) {
    guests.iter().for_each(|guest| guest.stopper.stop());
    for guest in guests {
        assert_eq!(guest.wait().outcome, Outcome::Killed);
    }
}

fn spinners(weights: &[&str]) -> Vec<Trial> {
    let spinner = |weight: &&str| trial(command(SPIN)).cpus(weight);
    weights.iter().map(spinner).collect()
}

#[test]
fn one_worker_is_shared_by_weight() {
    let executor = workers(1);
    let guests = start(&executor, &spinners(&["1", "2", "4"]));
    let parts = parts(&guests, Duration::from_secs(1));
    for (part, weight) in parts.iter().zip([1.0, 2.0, 4.0]) {
        let error = (part * 7.0 / weight - 1.0).abs();
        assert!(error < 0.05, "{parts:?}");
    }
    end(guests);
}

#[test]
fn host_calls_pay_like_work_and_do_not_hold_the_worker() {
    let executor = workers(1);
    let guests = start(
        &executor,
        &[asks().cpus("1"), trial(command(SPIN)).cpus("1")],
    );
    let parts = parts(&guests, Duration::from_millis(500));
    assert!((parts[0] - 0.5).abs() < 0.025, "{parts:?}");
    let host = guests[0].account.usage().host_time;
    assert!(!host.is_zero());
    let usage = guests[0].account.usage();
    let slices = guests[0].account.slice().0;
    let slice = usage.cpu_time / u32::try_from(slices).unwrap();
    // A million units of fuel would be some 20 ms of such calls.
    assert!(slice < Duration::from_millis(4), "{slice:?} in {slices}");
    end(guests);
}

#[test]
fn a_guest_that_sleeps_now_and_then_gets_its_part() {
    let nap = format!(
        "(local $i i64) (loop $again
            (local.set $i (i64.const 100000))
            (loop $work
                (local.set $i (i64.sub (local.get $i) (i64.const 1)))
                (br_if $work (i64.ne (local.get $i) (i64.const 0))))
            {}
            (br $again))",
        sleep(1)
    );
    let executor = workers(1);
    let mut guests = vec![trial(command(&nap)).cpus("1")];
    guests.extend(spinners(&["1", "1", "1"]));
    let guests = start(&executor, &guests);
    let parts = parts(&guests, Duration::from_secs(1));
    // It sleeps a millisecond or more each time, and catches up no more than its credit.
    assert!(parts[0] < 0.26, "hoards: {parts:?}");
    assert!(parts[0] > 0.01, "starves: {parts:?}");
    end(guests);
}

#[test]
fn a_fuel_rate_is_kept_and_costs_no_cpu_time_while_it_is_slept_off() {
    let work = |rounds: u64| {
        command(&format!(
            "(local $i i64) (local.set $i (i64.const {rounds}))
             (loop $again
                (local.set $i (i64.sub (local.get $i) (i64.const 1)))
                (br_if $again (i64.ne (local.get $i) (i64.const 0))))"
        ))
    };
    // 8 units a round, and 3.
    let guest = trial(work(7_500_000)).fuel_rate("50").cpus("1");
    let executor = workers(1);
    let end = start(&executor, &[guest]).remove(0).wait();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert_eq!(end.usage.fuel_used, 60_000_003);
    // The bucket counts from the launch on and begins with 5 ms' worth. A machine that is late may
    // make it slower, never faster.
    let seconds = end.usage.wall_time.as_secs_f64();
    let rate = 60.0 / seconds;
    assert!(rate < 50.0 * 1.02, "{rate} Mfuel/s");
    assert!(seconds < 60.0 / 50.0 + 1.0, "{seconds} s");
    assert!(
        end.usage.cpu_time < Duration::from_millis(200),
        "{:?}",
        end.usage.cpu_time
    );
}

#[test]
fn a_strict_guest_gets_no_more_than_its_cpus_of_an_idle_worker() {
    let executor = workers(2);
    let strict = trial(command(SPIN)).cpus("0.25").strict();
    let lent = trial(command(SPIN)).cpus("0.25");
    let guests = start(&executor, &[strict, lent]);
    let begun = Instant::now();
    let before = cpu(&guests);
    parts(&guests, Duration::from_millis(500));
    let wall = begun.elapsed().as_secs_f64();
    let used = cpu(&guests)[0] - before[0];
    // The burst of 100 ms is a quarter of that in CPU time, and was not saved.
    assert!(
        used.as_secs_f64() < 0.25 * wall * 1.05 + 0.01,
        "{used:?} of {wall} s"
    );
    end(guests);
}

#[test]
fn who_sleeps_off_a_debt_ends_at_its_deadline_and_is_killed_at_once() {
    let executor = workers(1);
    let guest = || {
        // One operation of a mebibyte at 0.1 Mfuel a second: ten seconds of debt.
        let wat = r#"(module (memory 17) (func (export "_start") (loop $l
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576)) (br $l))))"#;
        trial(wat).fuel_rate("0.1").cpus("1")
    };
    let limit = Duration::from_millis(50);
    let begun = Instant::now();
    let late = start(&executor, &[guest().wall_time(limit)]);
    for guest in late {
        let end = guest.wait();
        assert_eq!(end.failure().0, Reason::Deadline);
    }
    let killed = start(&executor, &[guest()]);
    let give_up = Instant::now() + PATIENCE;
    while killed[0].account.fuel() == 0 {
        assert!(Instant::now() < give_up);
        thread::yield_now();
    }
    end(killed);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
}

#[test]
fn a_kill_takes_a_guest_out_of_a_long_queue() {
    let executor = workers(1);
    let spinner = trial(command(SPIN)).cpus("1");
    let light = trial(command(SPIN)).cpus("0.001");
    let (key, modules) = spinner.modules();
    let heavy: Vec<_> = (0..50)
        .map(|_| spinner.start_on(&executor, &key, &modules))
        .collect();
    let light = light.start_on(&executor, &key, &modules);
    light.wait_for_start();
    // Its next turn would come after 50,000 others.
    light.stopper.stop();
    let begun = Instant::now();
    assert_eq!(light.wait().outcome, Outcome::Killed);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    end(heavy);
}
