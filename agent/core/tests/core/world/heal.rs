//! The end of every history: all works again, and all must come to its end.

use stoker_types::agent::AgentEvent;

use super::World;

impl World {
    /// Everything works from now on: everything comes to its end.
    pub(crate) fn heal(&mut self) {
        for round in 0..100 {
            self.connect();
            self.written(usize::MAX);
            self.synced();
            self.admit();
            while !self.deaths.is_empty() {
                self.death_is_heard();
            }
            while !self.preparing.is_empty() {
                self.prepared(0, true);
            }
            for n in 0..self.runners.len() {
                let n = u8::try_from(n).expect("few runners");
                self.runner_answers(n);
                for _ in 0..40 {
                    self.runner_obeys(n);
                }
                for _ in 0..20 {
                    self.task_ends(n, true);
                }
                for _ in 0..40 {
                    self.event_comes(n);
                }
            }
            self.written(usize::MAX);
            while !self.uploading.is_empty() {
                self.uploaded(0, true);
            }
            self.written(usize::MAX);
            self.synced();
            for n in 0..self.tasks.len() {
                let key = self.tasks.keys().nth(n).cloned().expect("a task");
                let last = self.tasks[&key].updates.keys().next_back().copied();
                if let Some(number) = last {
                    self.master(AgentEvent::Acknowledge { task: key, number });
                }
            }
            self.written(usize::MAX);
            self.synced();
            self.wait(20_000);
            if self.agent.view().tasks.is_empty() && round > 3 {
                break;
            }
        }
        self.check_the_end();
    }

    pub(super) fn check_the_end(&self) {
        let view = self.agent.view();
        assert!(view.tasks.is_empty(), "not over: {:?}", self.agent);
        assert!(view.used.is_empty());
        for (key, known) in &self.tasks {
            let is_removed = self.removed.contains(&key.framework_id);
            assert!(
                known.is_over() || is_removed,
                "{key} never ended: {known:?}"
            );
            let ends = known
                .updates
                .values()
                .filter(|update| update.state.is_terminal())
                .count();
            assert!(ends <= 1, "{key} ended {ends} times");
        }
    }
}
