//! Runner processes: they answer, obey, run tasks, tell events, die.

use stoker_agent_core::Input;
use stoker_types::{
    Reason, RunnerId, Usage,
    runner::{Event, NumberedEvent, Outcome, Welcome},
};

use super::{Order, World};

impl World {
    pub(super) fn runner(&self, n: u8) -> Option<RunnerId> {
        let index = usize::from(n) % self.runners.len().max(1);
        self.runners.keys().nth(index).copied()
    }

    pub(super) fn runner_answers(&mut self, n: u8) {
        let Some(runner_id) = self.runner(n) else {
            return;
        };
        // What an earlier daemon sent comes before the new daemon's hello.
        while self.runners[&runner_id].has_answered.eq(&false)
            && !self.runners[&runner_id].inbox.is_empty()
        {
            self.obey(runner_id);
        }
        let Some(process) = self.runners.get_mut(&runner_id) else {
            return;
        };
        if process.has_answered {
            return;
        }
        process.has_answered = true;
        process.delivered = process
            .events
            .front()
            .map_or(process.last_event, |event| event.number - 1);
        let welcome = Welcome {
            runner_id,
            pid: 100,
            protocol_version: stoker_types::runner::PROTOCOL_VERSION,
            tasks: process.tasks.iter().cloned().collect(),
            last_event: process.last_event,
            slots: 1000,
        };
        self.input(Input::RunnerReady { welcome });
    }

    pub(super) fn death_is_heard(&mut self) {
        if let Some(runner_id) = self.deaths.pop_front() {
            let message = "signal 9".to_owned();
            self.input(Input::RunnerLost { runner_id, message });
        }
    }

    pub(super) fn runner_obeys(&mut self, n: u8) {
        if let Some(runner_id) = self.runner(n) {
            self.obey(runner_id);
        }
    }

    pub(super) fn obey(&mut self, runner_id: RunnerId) {
        let Some(process) = self.runners.get_mut(&runner_id) else {
            return;
        };
        match process.inbox.pop_front() {
            Some(Order::Launch(task)) => {
                assert_eq!(task.framework_id, process.tenant.framework_id);
                let executions = self.executions.entry(task.clone()).or_default();
                *executions += 1;
                assert_eq!(*executions, 1, "{task} is executed twice");
                process.tasks.insert(task.clone());
                process.tell(Event::Started { task });
            }
            Some(Order::Kill(task)) => {
                let was_there = process.tasks.remove(&task);
                if was_there {
                    process.tell(Event::Ended {
                        task,
                        outcome: Outcome::Killed,
                        usage: Usage::default(),
                    });
                }
            }
            Some(Order::Confirm(event)) => {
                process.events.retain(|kept| kept.number > event);
            }
            None => {}
        }
    }

    pub(super) fn task_ends(&mut self, n: u8, is_well: bool) {
        let Some(runner_id) = self.runner(n) else {
            return;
        };
        let Some(process) = self.runners.get_mut(&runner_id) else {
            return;
        };
        let index = usize::from(n / 4) % process.tasks.len().max(1);
        let Some(task) = process.tasks.iter().nth(index).cloned() else {
            return;
        };
        process.tasks.remove(&task);
        let outcome = if is_well {
            Outcome::Exited { code: 0 }
        } else {
            Outcome::Failed {
                reason: Reason::Trap,
                message: "unreachable".to_owned(),
            }
        };
        process.tell(Event::Ended {
            task,
            outcome,
            usage: Usage::default(),
        });
    }

    pub(super) fn event_comes(&mut self, n: u8) {
        let Some(runner_id) = self.runner(n) else {
            return;
        };
        let Some(process) = self.runners.get_mut(&runner_id) else {
            return;
        };
        let delivered = process.delivered;
        let next = process
            .events
            .iter()
            .find(|event| event.number > delivered)
            .cloned();
        if let (Some(event), true) = (next, process.has_answered) {
            process.delivered = event.number;
            self.input(Input::Runner { runner_id, event });
        }
    }

    pub(super) fn event_comes_again(&mut self, n: u8) {
        let Some(runner_id) = self.runner(n) else {
            return;
        };
        let process = &self.runners[&runner_id];
        let again = process
            .events
            .iter()
            .find(|event| event.number <= process.delivered)
            .cloned();
        if let (Some(event), true) = (again, process.has_answered) {
            self.input(Input::Runner { runner_id, event });
        }
    }

    /// A runner speaks of a task that it does not have, or a runner speaks that nobody knows.
    pub(super) fn foreign_event(&mut self, n: u8, task: u8) {
        let Some(task) = self.task(task) else {
            return;
        };
        let runner_id = RunnerId::from_bits(u64::from(n));
        let event = NumberedEvent {
            number: u64::from(n),
            event: Event::Started { task },
        };
        self.input(Input::Runner { runner_id, event });
    }
}
