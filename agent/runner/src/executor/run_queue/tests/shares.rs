//! Who gets how much of the workers: by weight, by width, by tenant, and after a sleep.

use std::time::Duration;

use super::{
    cpus,
    machine::{Habit, Machine},
    micros, millis, of_tenant, seconds,
};

/// How far apart two times are, as a part of what was expected.
fn error(got: Duration, expected: f64) -> f64 {
    (got.as_secs_f64() / expected - 1.0).abs()
}

fn spinners(machine: &mut Machine, weights: &[&str]) {
    for weight in weights {
        machine.spin(&cpus(weight));
    }
}

#[test]
fn one_worker_is_shared_by_weight_in_every_window() {
    let mut machine = Machine::new(1);
    spinners(&mut machine, &["1", "2", "4"]);
    for _ in 0..10 {
        let window = machine.window(millis(100));
        for (got, weight) in window.into_iter().zip([1.0, 2.0, 4.0]) {
            // A slice is 0.1 ms.
            assert!(error(got, 0.1 * weight / 7.0) < 0.008, "{weight}: {got:?}");
        }
    }
}

#[test]
fn one_who_cannot_use_its_share_leaves_the_rest_to_the_others_by_weight() {
    // On two workers, 4 of 7 would be more than one worker.
    let mut machine = Machine::new(2);
    spinners(&mut machine, &["1", "2", "4"]);
    machine.run(seconds(1));
    let window = machine.window(seconds(1));
    for (got, expected) in window.into_iter().zip([1.0 / 3.0, 2.0 / 3.0, 1.0]) {
        assert!(error(got, expected) < 0.002, "{expected}: {got:?}");
    }
}

#[test]
fn what_one_could_not_use_is_not_owed_to_it_later() {
    let mut machine = Machine::new(2);
    spinners(&mut machine, &["1", "2", "4"]);
    machine.run(seconds(10));
    // Three of weight 4 more: now 4 of 19 is less than a worker, and nobody starves.
    spinners(&mut machine, &["4", "4", "4"]);
    let window = machine.window(millis(100));
    for (got, weight) in window.into_iter().zip([1.0, 2.0, 4.0, 4.0, 4.0, 4.0]) {
        // The five milliseconds of virtual time are worth up to 20 ms to a weight of 4.
        let expected = 0.2 * weight / 19.0;
        assert!(got.as_secs_f64() > expected * 0.5, "{weight}: {got:?}");
    }
    let window = machine.window(seconds(1));
    for (got, weight) in window.into_iter().zip([1.0, 2.0, 4.0, 4.0, 4.0, 4.0]) {
        assert!(error(got, 2.0 * weight / 19.0) < 0.01, "{weight}: {got:?}");
    }
}

#[test]
fn a_thousand_spinners_get_their_shares() {
    let mut machine = Machine::new(2);
    for index in 0..1000 {
        machine.spin(&cpus(&(index % 8 + 1).to_string()));
    }
    let window = machine.window(seconds(10));
    for (index, got) in window.into_iter().enumerate() {
        let weight = f64::from(u32::try_from(index % 8 + 1).unwrap());
        let expected = 20.0 * weight / 4500.0;
        assert!(error(got, expected) < 0.02, "{weight}: {got:?}");
    }
}

#[test]
fn tenants_come_before_tasks() {
    let mut machine = Machine::new(1);
    for _ in 0..100 {
        machine.spin(&of_tenant(0, cpus("0.01")));
    }
    let other = machine.spin(&of_tenant(1, cpus("1")));
    let window = machine.window(seconds(1));
    assert!(error(window[other], 0.5) < 0.005, "{:?}", window[other]);
    for got in &window[..100] {
        assert!(error(*got, 0.005) < 0.05, "{got:?}");
    }
}

#[test]
fn what_sleeps_leaves_its_share_to_its_own_tenant() {
    let mut machine = Machine::new(1);
    let year = Habit::Sleeps {
        work: micros(10),
        pause: seconds(365 * 24 * 3600),
    };
    machine.spawn(&of_tenant(0, cpus("3")), year);
    let mate = machine.spin(&of_tenant(0, cpus("1")));
    let other = machine.spin(&of_tenant(1, cpus("4")));
    machine.run(millis(10));
    let window = machine.window(seconds(1));
    assert!(error(window[mate], 0.5) < 0.01, "{:?}", window[mate]);
    assert!(error(window[other], 0.5) < 0.01, "{:?}", window[other]);
}

#[test]
fn who_wakes_often_neither_starves_nor_hoards() {
    let mut machine = Machine::new(1);
    let eager = Habit::Sleeps {
        work: micros(300),
        pause: micros(1),
    };
    let sleeper = machine.spawn(&cpus("1"), eager);
    let rare = Habit::Sleeps {
        work: micros(50),
        pause: millis(10),
    };
    let seldom = machine.spawn(&cpus("1"), rare);
    for _ in 0..8 {
        machine.spin(&cpus("1"));
    }
    machine.run(millis(100));
    let window = machine.window(seconds(1));
    let got = window[sleeper].as_secs_f64();
    assert!(
        (0.095..0.115).contains(&got),
        "{got}: its share and no more"
    );
    // It wants far less than its share, and gets it at once.
    let got = window[seldom].as_secs_f64();
    assert!(got > 0.0049, "{got}");
    let waited = machine.guests[seldom].longest_wait;
    assert!(waited <= micros(200), "{waited:?}");
}

#[test]
fn a_long_sleep_buys_no_more_than_the_credit() {
    let mut machine = Machine::new(1);
    let year = Habit::Sleeps {
        work: micros(10),
        pause: seconds(60),
    };
    let sleepers: Vec<_> = (0..3).map(|_| machine.spawn(&cpus("1"), year)).collect();
    let spinner = machine.spin(&cpus("1"));
    machine.run(seconds(59));
    // All three wake and spin from now on.
    for sleeper in sleepers {
        machine.kill(sleeper);
        machine.spin(&cpus("1"));
    }
    let window = machine.window(millis(40));
    let got = window[spinner];
    assert!(
        got >= millis(4),
        "{got:?} of 10 ms: up to 5 ms each come first"
    );
}

#[test]
fn a_stream_of_short_tasks_starves_no_one() {
    let mut machine = Machine::new(1);
    let spinner = machine.spin(&cpus("1"));
    let before = machine.guests[spinner].cpu;
    let end = machine.now + seconds(1);
    while machine.now < end {
        // One after the other, each gone after a millisecond of CPU time.
        let short = machine.spawn(
            &cpus("1"),
            Habit::Sleeps {
                work: millis(1),
                pause: seconds(60),
            },
        );
        while machine.guests[short].cpu < millis(1) {
            machine.run(micros(100));
        }
        machine.kill(short);
    }
    let got = (machine.guests[spinner].cpu - before).as_secs_f64();
    assert!(got > 0.4, "{got}");
}

#[test]
fn lent_workers_are_taken_back_at_once() {
    let mut machine = Machine::new(2);
    let light = machine.spin(&cpus("0.1"));
    machine.run(seconds(10));
    assert!(
        error(machine.guests[light].cpu, 10.0) < 0.001,
        "all of an idle worker"
    );
    for _ in 0..4 {
        machine.spin(&cpus("1"));
    }
    let window = machine.window(millis(100));
    let got = window[light].as_secs_f64();
    assert!(got < 0.2 * 0.1 / 4.1 * 1.5, "{got}");
    for got in &window[1..] {
        assert!(error(*got, 0.2 / 4.1) < 0.05, "{got:?}");
    }
    // And nobody is paid back for what was lent.
    let window = machine.window(seconds(1));
    assert!(
        error(window[light], 2.0 * 0.1 / 4.1) < 0.05,
        "{:?}",
        window[light]
    );
}
