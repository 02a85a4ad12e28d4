//! What all processes of a simulation share: time, chance, the queue, the network, the log and the
//! checker.
//!
//! Owns nothing but the bundle: a process is handed the scene, and is no part of it.

use std::time::Duration;

use crate::{
    checker::Checker,
    clock::{Clock, Due},
    events::{Event, Process, Queue},
    moment::Moment,
    network::Network,
    plan::Plan,
    random::{Random, Span},
    trace::{Trace, Who},
};

/// Where everything happens.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) now: Moment,
    pub(crate) random: Random,
    pub(crate) queue: Queue,
    pub(crate) network: Network,
    pub(crate) trace: Trace,
    pub(crate) checker: Checker,
    pub(crate) plan: Plan,
    /// Whether all trouble is over.
    pub(crate) is_calm: bool,
}

impl Scene {
    pub(crate) fn at(&mut self, moment: Moment, event: Event) {
        self.queue.push(moment, event);
    }

    pub(crate) fn later(&mut self, pause: Duration, event: Event) {
        self.queue.push(self.now.after(pause), event);
    }

    /// Some time in this span from now.
    pub(crate) fn sometime(&mut self, span: Span, event: Event) {
        let pause = self.random.pause(span);
        self.later(pause, event);
    }

    pub(crate) fn note(&mut self, who: Who, what: impl FnOnce() -> String) {
        self.trace.note(self.now, who, what);
    }

    /// Whether something that happens in `chance` of a hundred cases happens now; never when all
    /// is calm.
    pub(crate) fn is_unlucky(&mut self, chance: u64) -> bool {
        !self.is_calm && self.random.percent(chance)
    }

    /// Has a process woken for its deadline, a little late as timers are.
    pub(crate) fn wake(
        &mut self,
        process: Process,
        due: &mut Due,
        (deadline, clock): (Option<stoker_types::Timestamp>, &Clock),
    ) {
        if let Some(moment) = due.arm(deadline, clock, self.now) {
            let late = self.random.pause(self.plan.times.timer);
            self.at(moment.after(late), Event::Due(process));
        }
    }
}
