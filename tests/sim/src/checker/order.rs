//! Invariant 4: a scheduler's callback hears the updates of a task in order, nothing after an end.
//!
//! Owns what each life of a scheduler has heard. A scheduler that was restarted may hear a step
//! again.

use std::collections::BTreeMap;

use stoker_types::{StatusUpdate, TaskKey, TaskState};

use super::{Checker, Rule};

/// What was heard, by scheduler and life.
#[derive(Debug, Default)]
pub(super) struct Order(BTreeMap<(usize, u64), BTreeMap<TaskKey, Latest>>);

#[derive(Clone, Copy, Debug)]
struct Latest {
    number: u64,
    state: TaskState,
}

impl Checker {
    pub(super) fn check_order(&mut self, listener: (usize, u64), update: &StatusUpdate) {
        let heard = self.order.0.entry(listener).or_default();
        let before = heard.get(&update.task).copied();
        let number = before.map_or(0, |latest| latest.number).max(update.number);
        let state = update.state;
        heard.insert(update.task.clone(), Latest { number, state });
        let Some(before) = before else {
            return;
        };
        let key = &update.task;
        self.require(Rule::Order, !before.state.is_terminal(), || {
            format!("{key} is {state} after it was {}", before.state)
        });
        let is_next = update.number == 0 || update.number > before.number;
        self.require(Rule::Order, is_next, || {
            format!(
                "{key}: update {} ({state}) after {}",
                update.number, before.number
            )
        });
        // Where the same is said again by someone else (an answer, a return) there is no step; a
        // task that was out of sight comes back as it is, even if it has not made a step.
        let was_out_of_sight = matches!(before.state, TaskState::Unknown | TaskState::Unreachable);
        let is_step = state == before.state
            || state == TaskState::Unknown
            || was_out_of_sight
            || before.state.may_become(state);
        self.require(Rule::Order, is_step, || {
            format!(
                "{key} is {state} (update {}) after {}",
                update.number, before.state
            )
        });
    }
}
