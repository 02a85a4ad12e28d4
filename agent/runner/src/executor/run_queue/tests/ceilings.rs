//! Ceilings: fuel a second, and the CPU time of strict tasks.

use std::time::{Duration, Instant};

use super::{
    super::{RunQueue, Share, Spent},
    cpus,
    machine::{Habit, Machine},
    micros, millis, seconds,
};

fn fuel(rate: &str) -> Share {
    Share {
        fuel: rate.parse().unwrap(),
        ..cpus("1")
    }
}

fn strict(share: &str) -> Share {
    Share {
        is_strict: true,
        ..cpus(share)
    }
}

/// What a guest burns within a second.
fn burnt_in_a_second(machine: &mut Machine, guest: usize) -> u64 {
    let before = machine.guests[guest].fuel;
    machine.run(seconds(1));
    machine.guests[guest].fuel - before
}

fn is_within(got: u64, expected: u64, percent: u64) -> bool {
    got.abs_diff(expected) * 100 <= expected * percent
}

#[test]
fn a_fuel_rate_is_exact_to_a_hundredth_in_each_second_from_the_first_on() {
    for (rate, units) in [
        ("0.1", 100_000),
        ("1", 1_000_000),
        ("50", 50_000_000),
        ("799.5", 799_500_000),
        ("5000", 5_000_000_000),
    ] {
        let mut machine = Machine::new(1);
        let guest = machine.spin(&fuel(rate));
        for second in 0..5 {
            let got = burnt_in_a_second(&mut machine, guest);
            assert!(is_within(got, units, 1), "{rate}: {got} in second {second}");
        }
    }
}

#[test]
fn a_rate_above_what_the_machine_gives_is_no_ceiling() {
    let mut machine = Machine::new(1);
    let guest = machine.spin(&fuel("20000"));
    let got = burnt_in_a_second(&mut machine, guest);
    assert!(is_within(got, 10_000_000_000, 1), "{got}");
}

#[test]
fn what_was_not_burnt_is_saved_for_one_second_at_most() {
    let mut machine = Machine::new(1);
    let late = Habit::Sleeps {
        work: millis(20),
        pause: seconds(10),
    };
    // A quarter of what it would burn; 200 M in its 20 ms.
    let guest = machine.spawn(&fuel("2500"), late);
    machine.run(millis(40));
    assert!(
        machine.guests[guest].fuel < 150_000_000,
        "throttled at first"
    );
    machine.run(seconds(9));
    assert_eq!(machine.guests[guest].fuel, 200_000_000);
    while machine.guests[guest].fuel == 200_000_000 {
        machine.run(micros(100));
    }
    machine.run(millis(20));
    assert_eq!(
        machine.guests[guest].fuel, 400_000_000,
        "and then not at all"
    );
}

#[test]
fn a_debt_of_one_long_operation_is_slept_off() {
    let now = Instant::now();
    let mut queue = RunQueue::new(1, now);
    let task = queue.admit(&fuel("100"), now);
    queue.push(task, "fiber", Duration::ZERO, now);
    let turn = queue.pop(now).unwrap();
    assert_eq!(turn.fuel, 500_000, "what a tick gives");
    // A bulk operation: one piece, whatever the slice.
    let spent = Spent {
        cpu: millis(30),
        fuel: 300_500_000,
        wake_by: None,
    };
    queue.finish(task, spent, Some("fiber"), now);
    assert_eq!(queue.pop(now), None);
    assert_eq!(queue.next_release(), Some(now + seconds(3)));
    queue.release(now + seconds(3) - micros(1));
    assert_eq!(queue.pop(now), None);
    queue.release(now + seconds(3));
    assert!(queue.pop(now + seconds(3)).is_some());
}

#[test]
fn a_debt_is_not_slept_off_past_the_task_s_own_time() {
    let now = Instant::now();
    let mut queue = RunQueue::new(1, now);
    let task = queue.admit(&fuel("1"), now);
    queue.push(task, "fiber", Duration::ZERO, now);
    queue.pop(now).unwrap();
    let spent = Spent {
        fuel: u64::MAX,
        wake_by: Some(now + millis(50)),
        ..Spent::default()
    };
    queue.finish(task, spent, Some("fiber"), now);
    assert_eq!(queue.next_release(), Some(now + millis(50)));
    queue.release(now + millis(50));
    assert!(queue.pop(now + millis(50)).is_some());
}

#[test]
fn who_sleeps_off_a_debt_can_be_killed() {
    let mut machine = Machine::new(1);
    let guest = machine.spin(&fuel("1"));
    machine.run(millis(22));
    assert!(machine.queue.next_release().is_some());
    machine.kill(guest);
    assert_eq!(machine.queue.next_release(), None);
}

#[test]
fn many_debts_are_paid_at_the_same_ticks() {
    let mut machine = Machine::new(2);
    for index in 0..50 {
        machine.spin(&fuel(&(index + 10).to_string()));
    }
    let mut releases = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        machine.run(millis(1));
        releases.extend(machine.queue.next_release());
    }
    assert!(
        releases.len() <= 201,
        "{} wakes in a second",
        releases.len()
    );
}

#[test]
fn a_strict_task_gets_its_cpus_and_no_more_on_an_idle_machine() {
    let mut machine = Machine::new(2);
    let quarter = machine.spin(&strict("0.25"));
    let little = machine.spin(&strict("0.01"));
    let lent = machine.spin(&cpus("0.25"));
    machine.run(seconds(1));
    let window = machine.window(seconds(1));
    let got = |guest: usize| window[guest].as_secs_f64();
    assert!(
        (0.2475..=0.2525).contains(&got(quarter)),
        "{}",
        got(quarter)
    );
    assert!((0.0095..=0.0105).contains(&got(little)), "{}", got(little));
    assert!(got(lent) > 0.99, "{}", got(lent));
}

#[test]
fn what_throttled_tasks_want_is_what_they_may_have() {
    let mut machine = Machine::new(2);
    // Ten Gfuel take a second: a tenth of a core.
    machine.spin(&fuel("1000"));
    machine.run(seconds(1));
    let before = machine.queue.wanted(machine.now);
    machine.run(seconds(1));
    let wanted = (machine.queue.wanted(machine.now) - before).as_secs_f64();
    assert!((0.09..0.11).contains(&wanted), "{wanted}");
}
