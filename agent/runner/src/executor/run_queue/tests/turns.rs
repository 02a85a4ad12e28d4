//! Turns of the queue one by one: their order, their length, and who has none.

use std::time::{Duration, Instant};

use super::{
    super::{RunQueue, Spent},
    cpus,
    machine::Machine,
    micros, millis,
};
use crate::metering::{LEAST_SLICE_FUEL, SLICE_FUEL};

fn spent(cpu: Duration) -> Spent {
    Spent {
        cpu,
        ..Spent::default()
    }
}

#[test]
fn of_several_as_far_as_each_other_the_first_to_come_goes_first() {
    let now = Instant::now();
    let mut queue = RunQueue::new(1, now);
    let tasks: Vec<_> = (0..3).map(|_| queue.admit(&cpus("1"), now)).collect();
    for (name, task) in ["a", "b", "c"].iter().zip(&tasks) {
        queue.push(*task, *name, Duration::ZERO, now);
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        let turn = queue.pop(now).unwrap();
        order.push(turn.fiber);
        queue.finish(turn.task, spent(micros(100)), Some(turn.fiber), now);
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn a_task_that_waits_has_no_turn_until_it_is_pushed_again() {
    let now = Instant::now();
    let mut queue = RunQueue::new(1, now);
    let task = queue.admit(&cpus("1"), now);
    assert_eq!(queue.pop(now), None);
    queue.push(task, "fiber", Duration::ZERO, now);
    let turn = queue.pop(now).unwrap();
    assert_eq!(
        (turn.task, turn.fiber, turn.fuel),
        (task, "fiber", SLICE_FUEL)
    );
    assert_eq!(queue.pop(now), None);
    // It is woken while its turn is not yet booked.
    queue.push(task, "fiber", Duration::ZERO, now);
    assert_eq!(queue.pop(now), None, "it has one worker already");
    queue.finish(task, spent(micros(1)), None, now);
    assert!(queue.pop(now).is_some());
}

#[test]
fn slices_get_shorter_when_many_can_run() {
    let now = Instant::now();
    let mut queue = RunQueue::new(2, now);
    let mut slices = Vec::new();
    for count in 1..=4000 {
        let task = queue.admit(&cpus("1"), now);
        queue.push(task, (), Duration::ZERO, now);
        if [200, 400, 1000, 4000].contains(&count) {
            let turn = queue.pop(now).unwrap();
            slices.push(turn.fuel);
            queue.finish(turn.task, spent(micros(1)), Some(()), now);
        }
    }
    assert_eq!(slices, [SLICE_FUEL, 500_000, 200_000, LEAST_SLICE_FUEL]);
}

#[test]
fn a_task_never_has_more_workers_than_its_width() {
    let mut machine = Machine::new(4);
    let wide = machine.spin(&cpus("1.5"));
    for _ in 0..5 {
        machine.fork(wide);
    }
    for _ in 0..100 {
        machine.run(micros(30));
        assert_eq!(machine.workers_of(wide), 2);
    }
    machine.spin(&cpus("0.1"));
    machine.run(millis(10));
    assert_eq!(machine.workers_of(1), 1);
}

#[test]
fn a_killed_task_has_no_turn_and_leaves_nothing() {
    let mut machine = Machine::new(1);
    for _ in 0..3 {
        machine.spin(&cpus("1"));
    }
    machine.run(millis(1));
    // One that runs, and one that does not.
    let running = (0..3)
        .find(|guest| machine.workers_of(*guest) == 1)
        .unwrap();
    let waiting = (running + 1) % 3;
    machine.kill(running);
    machine.kill(waiting);
    let last = (running + 2) % 3;
    let before: Vec<_> = machine.guests.iter().map(|guest| guest.cpu).collect();
    machine.run(millis(100));
    assert_eq!(machine.guests[waiting].cpu, before[waiting]);
    let got = machine.guests[last].cpu - before[last];
    assert!(got > millis(99), "{got:?}");
    machine.kill(last);
    machine.run(millis(10));
    assert!(machine.queue.is_idle());
    assert!(!machine.queue.has_turn());
}

#[test]
fn a_fiber_that_has_not_had_its_turn_can_be_taken_out() {
    let now = Instant::now();
    let mut queue = RunQueue::new(1, now);
    let task = queue.admit(&cpus("1"), now);
    queue.push(task, "fiber", Duration::ZERO, now);
    assert_eq!(queue.take(task, now), Some("fiber"));
    assert_eq!(queue.take(task, now), None);
    assert!(!queue.has_turn());
    queue.retire(task, now);
    queue.retire(task, now);
    queue.push(task, "too late", Duration::ZERO, now);
    queue.finish(task, spent(micros(1)), Some("too late"), now);
    assert_eq!(queue.pop(now), None);
    assert!(queue.drain().is_empty());
}

#[test]
fn what_was_spent_elsewhere_counts() {
    let now = Instant::now();
    let mut queue = RunQueue::new(1, now);
    let [reader, spinner] = [0, 1].map(|_| queue.admit(&cpus("1"), now));
    queue.push(spinner, "spinner", Duration::ZERO, now);
    // A blocking thread worked 10 ms for it before it could go on.
    queue.push(reader, "reader", millis(10), now);
    let mut turns = 0;
    loop {
        let turn = queue.pop(now).unwrap();
        if turn.fiber == "reader" {
            break;
        }
        turns += 1;
        queue.finish(turn.task, spent(micros(100)), Some(turn.fiber), now);
    }
    assert_eq!(turns, 100);
}
