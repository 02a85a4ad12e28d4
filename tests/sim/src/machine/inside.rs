//! What happens inside runners: orders are carried out, tasks start and end, the process dies.

use stoker_types::{
    Reason, RunnerId, TaskKey, Usage,
    runner::{Event as RunnerEvent, Outcome},
};

use super::{
    Behaviour, Machine,
    runner::{Order, Running, Stage, Word},
};
use crate::{checker::Cause, events::OfRunner, random::Span, scene::Scene};

/// From an order to the start of the module, and to the end of a task that is killed.
const START: Span = Span::micros(50, 50_000);
const END: Span = Span::micros(10, 20_000);
/// How many launches of a hundred a runner refuses, while there is trouble.
const REFUSED_PERCENT: u64 = 1;

impl Machine {
    pub(super) fn arm_inbox(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let event = self.of_runner(runner_id, OfRunner::Orders);
        if let Some(runner) = self.runners.get_mut(&runner_id)
            && let Some(moment) = runner.inbox.arm()
        {
            scene.at(moment.max(scene.now), event);
        }
    }

    pub(super) fn arm_outbox(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let event = self.of_runner(runner_id, OfRunner::Words);
        if let Some(runner) = self.runners.get_mut(&runner_id)
            && let Some(moment) = runner.outbox.arm()
        {
            scene.at(moment.max(scene.now), event);
        }
    }

    // ---- Orders. ----

    pub(super) fn at_runner(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let Some(runner) = self.runners.get_mut(&runner_id) else {
            return;
        };
        runner.inbox.disarm();
        let (orders, _) = runner.inbox.take(scene.now);
        for order in orders {
            if self
                .runners
                .get(&runner_id)
                .is_some_and(|runner| runner.is_alive)
            {
                self.obey(scene, runner_id, order);
            }
        }
        self.arm_inbox(scene, runner_id);
    }

    fn obey(&mut self, scene: &mut Scene, runner_id: RunnerId, order: Order) {
        let is_present = self.daemon.is_some();
        let present_life = self.life;
        let Some(runner) = self.runners.get_mut(&runner_id) else {
            return;
        };
        match order {
            Order::Hello { life, confirmed } => {
                if is_present && life == present_life {
                    let words = runner.let_in(life, confirmed);
                    words
                        .into_iter()
                        .for_each(|word| self.say_word(scene, runner_id, word));
                }
            }
            Order::Launch { key, behaviour } => self.launch(scene, runner_id, key, behaviour),
            Order::Kill(key) => self.end_task(scene, runner_id, &key),
            Order::Confirm(number) => runner.confirm(number),
            Order::Shutdown => self.shut_down(scene, runner_id),
        }
    }

    fn launch(
        &mut self,
        scene: &mut Scene,
        runner_id: RunnerId,
        key: TaskKey,
        behaviour: Behaviour,
    ) {
        let is_refused = scene.is_unlucky(REFUSED_PERCENT);
        let pause = scene.random.pause(START);
        let Some(runner) = self.runners.get_mut(&runner_id) else {
            return;
        };
        if runner.tasks.contains_key(&key) {
            return;
        }
        if is_refused {
            let (reason, message) = (Reason::LaunchFailed, "all slots are taken".to_owned());
            return self.tell_end(scene, runner_id, key, Outcome::Failed { reason, message });
        }
        let running = Running {
            behaviour,
            stage: Stage::Starting,
            step: 1,
        };
        runner.tasks.insert(key.clone(), running);
        self.step_after(scene, runner_id, key, (1, pause));
    }

    fn step_after(
        &self,
        scene: &mut Scene,
        runner_id: RunnerId,
        task: TaskKey,
        (step, pause): (u64, std::time::Duration),
    ) {
        let event = self.of_runner(runner_id, OfRunner::Step { task, step });
        scene.later(pause, event);
    }

    fn end_task(&mut self, scene: &mut Scene, runner_id: RunnerId, key: &TaskKey) {
        let pause = scene.random.pause(END);
        let runner = self.runners.get_mut(&runner_id);
        let Some(running) = runner.and_then(|runner| runner.tasks.get_mut(key)) else {
            return;
        };
        if running.stage == Stage::Ending {
            return;
        }
        running.stage = Stage::Ending;
        running.step += 1;
        let step = running.step;
        self.step_after(scene, runner_id, key.clone(), (step, pause));
    }

    /// The runner ends all its tasks, says so, and is over.
    fn shut_down(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        for key in self.tasks_of(runner_id) {
            if let Some(runner) = self.runners.get_mut(&runner_id) {
                runner.tasks.remove(&key);
            }
            scene.checker.module_over(&key, Cause::Shutdown);
            self.tell_end(scene, runner_id, key, Outcome::Killed);
        }
        self.last_word(scene, runner_id);
    }

    fn last_word(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        let pause = scene.random.pause(scene.plan.times.socket);
        if let Some(runner) = self.runners.get_mut(&runner_id) {
            runner.is_alive = false;
            runner.inbox.clear();
            runner.outbox.end(scene.now.after(pause));
        }
        self.arm_outbox(scene, runner_id);
        self.forget_unsupervised(runner_id);
    }

    /// Nobody waits for the last word of a runner that no daemon looks after.
    fn forget_unsupervised(&mut self, runner_id: RunnerId) {
        let daemon = self.daemon.as_ref();
        if !daemon.is_some_and(|daemon| daemon.supervised.contains_key(&runner_id)) {
            self.runners.remove(&runner_id);
        }
    }

    // ---- Tasks. ----

    pub(super) fn task_step(
        &mut self,
        scene: &mut Scene,
        runner_id: RunnerId,
        (task, step): (TaskKey, u64),
    ) {
        let runner = self.runners.get_mut(&runner_id);
        let Some(running) = runner.and_then(|runner| runner.tasks.get_mut(&task)) else {
            return;
        };
        if running.step != step {
            return;
        }
        let behaviour = running.behaviour.clone();
        match running.stage {
            Stage::Starting => {
                running.stage = Stage::Runs;
                running.step += 1;
                let step = running.step;
                scene.checker.module_started(&task, runner_id);
                self.tell(
                    scene,
                    runner_id,
                    RunnerEvent::Started { task: task.clone() },
                );
                if let Some(runs) = behaviour.runs {
                    self.step_after(scene, runner_id, task, (step, runs));
                }
            }
            Stage::Runs => {
                let well = behaviour.ends_well();
                self.task_over(
                    scene,
                    runner_id,
                    task,
                    (Cause::Itself { well }, behaviour.outcome),
                );
            }
            Stage::Ending => {
                self.task_over(scene, runner_id, task, (Cause::Order, Outcome::Killed));
            }
        }
    }

    fn task_over(
        &mut self,
        scene: &mut Scene,
        runner_id: RunnerId,
        task: TaskKey,
        (cause, outcome): (Cause, Outcome),
    ) {
        if let Some(runner) = self.runners.get_mut(&runner_id) {
            runner.tasks.remove(&task);
        }
        scene.checker.module_over(&task, cause);
        self.tell_end(scene, runner_id, task, outcome);
    }

    // ---- Words. ----

    fn tell_end(
        &mut self,
        scene: &mut Scene,
        runner_id: RunnerId,
        task: TaskKey,
        outcome: Outcome,
    ) {
        let event = RunnerEvent::Ended {
            task,
            outcome,
            usage: Usage::default(),
        };
        self.tell(scene, runner_id, event);
    }

    fn tell(&mut self, scene: &mut Scene, runner_id: RunnerId, event: RunnerEvent) {
        if let Some(runner) = self.runners.get_mut(&runner_id) {
            let event = runner.note(event);
            if runner.daemon.is_some() {
                self.say_word(scene, runner_id, Word::Event(event));
            }
        }
    }

    fn say_word(&mut self, scene: &mut Scene, runner_id: RunnerId, word: Word) {
        let pause = scene.random.pause(scene.plan.times.socket);
        if let Some(runner) = self.runners.get_mut(&runner_id) {
            runner.outbox.push(scene.now.after(pause), word);
        }
        self.arm_outbox(scene, runner_id);
    }

    // ---- The end of the process. ----

    /// The process dies at once, with all its tasks; some of what it said may not have left.
    pub(crate) fn runner_dies(&mut self, scene: &mut Scene, runner_id: RunnerId, cause: Cause) {
        let tasks = self.tasks_of(runner_id);
        let who = self.who();
        let Some(runner) = self
            .runners
            .get_mut(&runner_id)
            .filter(|runner| runner.is_alive)
        else {
            return;
        };
        scene.note(who, || {
            format!("{runner_id} dies with {} tasks ({cause:?})", tasks.len())
        });
        runner.tasks.clear();
        runner.outbox.lose_tail(&mut scene.random);
        for key in tasks {
            scene.checker.module_over(&key, cause);
        }
        self.last_word(scene, runner_id);
    }

    /// A runner is killed from outside.
    pub(crate) fn kill_runner(&mut self, scene: &mut Scene, runner_id: RunnerId) {
        scene.checker.runner_lost(runner_id);
        self.runner_dies(scene, runner_id, Cause::Loss);
    }

    pub(crate) fn pause_runner(&mut self, scene: &mut Scene, runner_id: RunnerId, span: Span) {
        let pause = scene.random.pause(span);
        let who = self.who();
        if let Some(runner) = self.runners.get_mut(&runner_id) {
            runner.paused_until = scene.now.after(pause).max(runner.paused_until);
            scene.note(who, || format!("{runner_id} is stopped for {pause:?}"));
        }
    }

    pub(crate) fn resume_runners(&mut self, scene: &Scene) {
        for runner in self.runners.values_mut() {
            runner.paused_until = scene.now;
        }
    }

    /// No daemon has come for too long.
    pub(super) fn orphaned(
        &mut self,
        scene: &mut Scene,
        runner_id: RunnerId,
        since: crate::moment::Moment,
    ) {
        let runner = self.runners.get(&runner_id);
        let is_alone =
            runner.is_some_and(|runner| runner.daemon.is_none() && runner.alone_since == since);
        if is_alone {
            self.kill_runner(scene, runner_id);
        }
    }
}
