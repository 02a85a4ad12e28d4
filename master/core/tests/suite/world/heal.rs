//! Everything is mended: who can be there is, and what runs comes to its end.

use std::time::Duration;

use super::World;

impl World {
    /// Heals the world; then every task has ended and everyone who is left knows.
    pub(super) fn heal(&mut self) {
        self.persist(usize::MAX);
        self.settle();
        for who in 0..self.agents.len() {
            self.agent_registers(who);
            self.settle();
        }
        for _ in 0..12 {
            self.bring_schedulers_back();
            self.persist(usize::MAX);
            self.settle();
            self.go_on();
        }
        self.check();
    }

    fn bring_schedulers_back(&mut self) {
        for who in 0..self.schedulers.len() {
            if !self.schedulers[who].is_subscribed() {
                self.scheduler_subscribes(who);
                self.settle();
            }
        }
    }

    /// Tasks end, updates are acknowledged, questions are asked, and time passes.
    fn go_on(&mut self) {
        for who in 0..self.agents.len() {
            if self.agents[who].stream.is_none() {
                self.agent_registers(who);
                self.persist(usize::MAX);
                self.settle();
            }
            let calls = self.agents[who].finish(self.now);
            self.agent_says(who, calls);
            self.settle();
        }
        for who in 0..self.schedulers.len() {
            let mut calls = self.schedulers[who].acknowledge_all();
            calls.extend(self.schedulers[who].reconcile());
            self.scheduler_says(who, calls);
            self.settle();
        }
        self.pass(Duration::from_secs(10));
    }

    fn check(&self) {
        let view = self.master.view();
        assert!(
            view.tasks.is_empty(),
            "tasks that never end: {:?}",
            view.tasks
        );
        for agent in &self.agents {
            assert!(!agent.has_tasks(), "an agent still has tasks: {agent:?}");
        }
        // Invariant 3: every accepted launch ends in a status that reaches its scheduler.
        for scheduler in &self.schedulers {
            assert!(
                scheduler.is_subscribed(),
                "a scheduler is not back: {scheduler:?}"
            );
            let open = scheduler.open_tasks();
            assert!(
                open.is_empty(),
                "{:?} never heard of {open:?}",
                scheduler.id
            );
        }
    }
}
