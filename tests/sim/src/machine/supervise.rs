//! What a daemon does for its runners: starts them, finds them again, passes orders and events.
//!
//! Owns the rules of the real supervisor: the core hears that a runner is lost exactly once, when
//! its process is over and all that it said was passed on; a runner that is to end before it has
//! answered is killed at once, one that does not end in time later.

use std::time::Duration;

use stoker_agent_core::Input;
use stoker_types::RunnerId;

use super::{
    Machine,
    runner::{Order, Runner, Word},
};
use crate::{checker::Cause, events::OfDaemon, random::Span, scene::Scene};

/// How long a runner may take to answer, and to end when it is told to.
const WELCOME_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How many starts of a hundred fail, while there is trouble.
const FAILED_PERCENT: u64 = 4;
/// How long looking for a runner takes that is not there.
const SEARCH: Span = Span::micros(100, 50_000);

/// How far a runner is, as its daemon sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Supervised {
    /// Its process is being started.
    Spawning,
    /// It could not be found, or is to end before it is there.
    Missing,
    /// It was said hello to.
    Greeting,
    /// It has answered.
    Serving,
    /// It was told to end.
    Ending,
}

impl Machine {
    fn supervise(&mut self, runner_id: RunnerId, stage: Supervised) -> Option<Supervised> {
        let daemon = self.daemon.as_mut()?;
        daemon.supervised.insert(runner_id, stage)
    }

    fn stage(&self, runner_id: RunnerId) -> Option<&Supervised> {
        self.daemon.as_ref()?.supervised.get(&runner_id)
    }

    // ---- Starts. ----

    pub(super) fn start_runner(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        self.supervise(runner_id, Supervised::Spawning);
        let span = scene.plan.times.spawn;
        self.spawn_after(scene, runner_id, span);
    }

    fn spawn_after(&self, scene: &mut Scene, runner_id: RunnerId, span: Span) {
        scene.sometime(span, self.of_daemon(OfDaemon::Spawned { runner_id }));
    }

    pub(super) fn adopt_runner(&mut self, scene: &mut Scene, runner_id: RunnerId, confirmed: u64) {
        let is_there = self
            .runners
            .get(&runner_id)
            .is_some_and(|runner| runner.is_alive);
        if is_there {
            self.greet(scene, runner_id, confirmed);
        } else {
            self.supervise(runner_id, Supervised::Missing);
            self.spawn_after(scene, runner_id, SEARCH);
        }
    }

    /// A start, or a search, has come to its end.
    pub(super) fn runner_spawned(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        match self.stage(runner_id).cloned() {
            Some(Supervised::Spawning) if !scene.is_unlucky(FAILED_PERCENT) => {
                let runner = Runner::new(runner_id, scene.now);
                self.runners.insert(runner_id, runner);
                self.greet(scene, runner_id, 0);
            }
            Some(Supervised::Spawning | Supervised::Missing) => self.lose(scene, runner_id),
            Some(Supervised::Greeting | Supervised::Serving | Supervised::Ending) | None => {}
        }
    }

    fn greet(&mut self, scene: &mut Scene, runner_id: RunnerId, confirmed: u64) {
        self.supervise(runner_id, Supervised::Greeting);
        let life = self.life;
        self.send(scene, runner_id, Order::Hello { life, confirmed });
        self.overdue_after(scene, runner_id, WELCOME_WITHIN);
    }

    fn overdue_after(&self, scene: &mut Scene, runner_id: RunnerId, within: Duration) {
        scene.later(within, self.of_daemon(OfDaemon::Overdue { runner_id }));
    }

    // ---- Orders. ----

    /// Passes an order on, if the runner can be told anything.
    pub(super) fn order(&mut self, scene: &mut Scene, runner_id: RunnerId, order: Order) {
        if self.stage(runner_id) == Some(&Supervised::Serving) {
            self.send(scene, runner_id, order);
        }
    }

    fn send(&mut self, scene: &mut Scene, runner_id: RunnerId, order: Order) {
        let pause = scene.random.pause(scene.plan.times.socket);
        if let Some(runner) = self.runners.get_mut(&runner_id) {
            runner.inbox.push(scene.now.after(pause), order);
            self.arm_inbox(scene, runner_id);
        }
    }

    pub(super) fn stop_runner(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let stage = self.stage(runner_id).cloned();
        let has_answered = stage == Some(Supervised::Serving);
        let tasks = self.tasks_of(runner_id);
        scene.checker.runner_ended(runner_id, has_answered, &tasks);
        match stage {
            Some(Supervised::Spawning) => {
                self.supervise(runner_id, Supervised::Missing);
            }
            Some(Supervised::Greeting) => {
                self.supervise(runner_id, Supervised::Ending);
                self.runner_dies(scene, runner_id, Cause::Shutdown);
            }
            Some(Supervised::Serving) => {
                self.order(scene, runner_id, Order::Shutdown);
                self.supervise(runner_id, Supervised::Ending);
                self.overdue_after(scene, runner_id, STOP_WITHIN);
            }
            Some(Supervised::Missing | Supervised::Ending) | None => {}
        }
    }

    /// A runner has not answered, or not ended, in time.
    pub(super) fn runner_overdue(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let stage = self.stage(runner_id);
        if matches!(stage, Some(Supervised::Greeting | Supervised::Ending)) {
            scene.checker.runner_lost(runner_id);
            self.runner_dies(scene, runner_id, Cause::Shutdown);
        }
    }

    // ---- Words. ----

    /// What a runner said has arrived at its daemon; after its last word it is lost.
    pub(super) fn at_daemon(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&runner_id) else {
            return;
        };
        runner.outbox.disarm();
        let (words, is_over) = runner.outbox.take(scene.now);
        self.arm_outbox(scene, runner_id);
        if self.stage(runner_id).is_none() {
            return;
        }
        let mut inputs = Vec::new();
        for word in words {
            inputs.push(match word {
                Word::Event(event) => Input::Runner { runner_id, event },
                Word::Welcome(welcome) => {
                    if self.stage(runner_id) == Some(&Supervised::Greeting) {
                        self.supervise(runner_id, Supervised::Serving);
                    }
                    Input::RunnerReady { welcome }
                }
            });
        }
        self.turn(scene, inputs);
        if is_over {
            self.runners.remove(&runner_id);
            self.lose(scene, runner_id);
        }
    }

    fn lose(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        if daemon.supervised.remove(&runner_id).is_some() {
            scene.checker.runner_lost(runner_id);
            let message = "it is over".to_owned();
            self.turn(scene, vec![Input::RunnerLost { runner_id, message }]);
        }
    }
}
