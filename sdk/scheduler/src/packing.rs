//! Choosing what fits into an offer.
//!
//! Owns the reckoning of what a task takes out of an offer, as the master does it; nothing else.

use std::collections::VecDeque;

use stoker_types::{Resources, limit};

use crate::Task;

/// How far into a queue [`take_fitting`] looks for something that fits.
const SEARCHED_TASKS: usize = 1000;

/// The fuel rate that comes with each core for a task that names none, in Mfuel/s.
const FUEL_PER_CPU: u64 = 5000;

/// Takes tasks out of `queue` for as long as they fit into `resources`, in order; one that does
/// not fit is passed over and keeps its place.
///
/// Looks at the first 1,000 tasks, and takes no more than one
/// [launch](crate::Calls::launch) may carry.
pub fn take_fitting(resources: &Resources, queue: &mut VecDeque<Task>) -> Vec<Task> {
    let mut room = resources.clone();
    let mut fitting = Vec::new();
    let mut position = 0;
    while position < queue.len().min(SEARCHED_TASKS) && fitting.len() < limit::TASKS_PER_ACCEPT {
        let Some(rest) = without(&room, queue[position].needs()) else {
            position += 1;
            continue;
        };
        room = rest;
        fitting.extend(queue.remove(position));
    }
    fitting
}

/// What is left of `room` after a task with these `needs`, if it fits.
fn without(room: &Resources, needs: &Resources) -> Option<Resources> {
    if !needs.fuel.is_zero() {
        return room.checked_sub(needs);
    }
    // A task that names no fuel rate is charged its cores' worth, or what there is.
    let fuel = needs.cpus.saturating_mul(FUEL_PER_CPU).min(room.fuel);
    let charged = Resources {
        fuel,
        ..needs.clone()
    };
    room.checked_sub(&charged)
}

#[cfg(test)]
#[path = "packing_tests.rs"]
mod tests;
