//! What fits, and what it leaves.

use std::collections::VecDeque;

use super::*;

fn queue(resources: &[&str]) -> VecDeque<Task> {
    let task = |text: &&str| {
        let module = "file:/guest.wasm".parse().unwrap();
        Task::new(module).resources(text.parse().unwrap())
    };
    resources.iter().map(task).collect()
}

fn take(resources: &str, queue: &mut VecDeque<Task>) -> usize {
    take_fitting(&resources.parse().unwrap(), queue).len()
}

#[test]
fn tasks_are_taken_in_order_for_as_long_as_they_fit() {
    let mut waiting = queue(&["cpus=1;mem=1GiB"; 5]);
    assert_eq!(take("cpus=8;mem=3GiB", &mut waiting), 3);
    assert_eq!(waiting.len(), 2);
    assert_eq!(take("cpus=0.5;mem=3GiB", &mut waiting), 0);
    assert_eq!(take("cpus=8;mem=3GiB", &mut waiting), 2);
    assert_eq!(take("cpus=8;mem=3GiB", &mut waiting), 0);
}

#[test]
fn one_that_does_not_fit_is_passed_over_and_keeps_its_place() {
    let mut waiting = queue(&["cpus=4", "cpus=1;mem=1MiB", "cpus=4;mem=1MiB"]);
    assert_eq!(take("cpus=2;mem=1GiB", &mut waiting), 1);
    assert_eq!(waiting, queue(&["cpus=4", "cpus=4;mem=1MiB"]));
}

#[test]
fn a_task_without_a_fuel_rate_takes_its_cores_worth_or_what_there_is() {
    let mut waiting = queue(&["cpus=1", "cpus=1", "cpus=1;fuel=1"]);
    assert_eq!(
        take("cpus=4;fuel=7000", &mut waiting),
        2,
        "nothing is left for the third"
    );
    assert_eq!(take("cpus=4;fuel=7000", &mut waiting), 1);
}

#[test]
fn a_launch_takes_a_thousand_tasks_at_most() {
    let mut waiting = queue(&["cpus=0.001"; 1500]);
    assert_eq!(take("cpus=1000", &mut waiting), 1000);
    assert_eq!(take("cpus=1000", &mut waiting), 500);
}
