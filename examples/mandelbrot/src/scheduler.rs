//! The scheduler: every task until it has succeeded once, on whatever is offered.
//!
//! Owns which tasks wait, run and are done. What they compute is not its business: each leaves one
//! file, whose name tells which it was.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
};

use stoker_sdk_scheduler::{
    Calls, Offer, Outcome, OutputFile, Scheduler, StatusUpdate, Task, TaskId, TaskState, Timestamp,
    take_fitting,
};
use tokio::sync::watch;

/// With more lost tasks than this, something else is wrong than bad luck.
const MOST_LOST: usize = 100;

/// Has tasks done.
#[derive(Debug)]
pub(crate) struct Farm {
    waiting: VecDeque<Task>,
    running: BTreeMap<TaskId, Task>,
    /// What each task left, by the file's name.
    done: BTreeMap<String, OutputFile>,
    lost: usize,
    /// Why it ended early.
    problem: Option<String>,
    count_done: watch::Sender<usize>,
}

impl Scheduler for Farm {
    type Command = Infallible;

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let tasks = take_fitting(&offer.resources, &mut self.waiting);
            // Without tasks, this declines the offer.
            let ids = calls.launch(&offer, tasks.clone());
            self.running.extend(ids.into_iter().zip(tasks));
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = &update.task.task_id;
        match Outcome::of(update) {
            Outcome::Alive if update.state == TaskState::Unreachable => {
                // It may come back, or never. That a tile is computed twice does no harm.
                calls.kill(task_id);
                self.launch_again(update, calls);
            }
            Outcome::Alive => {}
            Outcome::Succeeded if update.outputs.is_empty() => self.launch_again(update, calls),
            Outcome::Succeeded => {
                self.running.remove(task_id);
                let outputs = update.outputs.iter().cloned();
                self.done
                    .extend(outputs.map(|output| (output.path.clone(), output)));
                self.count_done.send_replace(self.done.len());
            }
            Outcome::Lost => self.launch_again(update, calls),
            Outcome::Failed | Outcome::Killed => self.problem = Some(describe(update)),
        }
        if self.problem.is_some() || (self.running.is_empty() && self.waiting.is_empty()) {
            calls.stop();
        }
    }
}

impl Farm {
    pub(crate) fn new(tasks: impl IntoIterator<Item = Task>) -> Self {
        Self {
            waiting: tasks.into_iter().collect(),
            running: BTreeMap::new(),
            done: BTreeMap::new(),
            lost: 0,
            problem: None,
            count_done: watch::Sender::default(),
        }
    }

    /// How many tasks are done, from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.count_done.subscribe()
    }

    /// What the tasks left, by the file's name.
    pub(crate) fn into_results(self) -> anyhow::Result<BTreeMap<String, OutputFile>> {
        match self.problem {
            Some(problem) => anyhow::bail!("{problem}"),
            None => Ok(self.done),
        }
    }

    /// The same as a new task.
    fn launch_again(&mut self, update: &StatusUpdate, calls: &mut Calls) {
        // What was given up before is waiting already, or done.
        let Some(task) = self.running.remove(&update.task.task_id) else {
            return;
        };
        self.waiting.push_back(task);
        calls.revive();
        self.lost += 1;
        if self.lost > MOST_LOST {
            self.problem = Some(format!("too many were lost, at last {}", describe(update)));
        }
    }
}

/// What an update says, for people.
fn describe(update: &StatusUpdate) -> String {
    let reason = update.reason.map_or("", |reason| reason.as_str());
    let (task_id, state, message) = (&update.task.task_id, update.state, &update.message);
    format!("{task_id} {state} {reason}: {message}")
}

#[cfg(test)]
mod tests {
    use stoker_sdk_scheduler::{BlobForm, Digest, Reason, TaskInfo};
    use stoker_sdk_testing::ScriptedMaster;

    use super::*;

    fn farm(files: &[&str]) -> ScriptedMaster<Farm> {
        let task = |file: &&str| {
            let module = "file:/tile.wasm".parse().unwrap();
            Task::new(module).name(*file).arg(*file).output(*file)
        };
        ScriptedMaster::new(Farm::new(files.iter().map(task)))
    }

    fn launch(master: &mut ScriptedMaster<Farm>) -> Vec<TaskInfo> {
        master.offer("cpus=4;mem=1GiB");
        let launch = master.expect_launch();
        master.expect_suppress();
        launch.tasks
    }

    fn finish(master: &mut ScriptedMaster<Farm>, task: &TaskInfo) {
        let output = OutputFile {
            path: task.outputs[0].clone(),
            form: BlobForm::File,
            digest: Digest::of(task.name.as_bytes()),
            size: 1,
            content: None,
        };
        master.finish(&task.id, [output]);
    }

    #[test]
    fn it_ends_when_every_task_has_left_its_file() {
        let mut master = farm(&["tile-0", "tile-1"]);
        let tasks = launch(&mut master);
        finish(&mut master, &tasks[1]);
        master.expect_nothing();
        assert_eq!(*master.scheduler().watch().borrow(), 1);
        finish(&mut master, &tasks[0]);
        master.expect_stopped();
        let files: Vec<&String> = master.scheduler().done.keys().collect();
        assert_eq!(files, ["tile-0", "tile-1"]);
    }

    #[test]
    fn a_lost_task_is_launched_again_as_a_new_one() {
        let mut master = farm(&["tile-0"]);
        let first = launch(&mut master).remove(0);
        master.update_because(&first.id, TaskState::Failed, Reason::RunnerLost);
        master.expect_revive();
        let second = launch(&mut master).remove(0);
        assert_eq!(second.arguments, first.arguments);
        assert_ne!(second.id, first.id);
        finish(&mut master, &second);
        master.expect_stopped();
    }

    #[test]
    fn a_task_out_of_reach_is_given_up_and_may_still_finish() {
        let mut master = farm(&["tile-0"]);
        let first = launch(&mut master).remove(0);
        master.update(&first.id, TaskState::Unreachable);
        assert_eq!(master.expect_kill(), first.id);
        master.expect_revive();
        let second = launch(&mut master).remove(0);
        master.update(&first.id, TaskState::Gone);
        master.expect_nothing();
        finish(&mut master, &second);
        master.expect_stopped();
    }

    #[test]
    fn an_error_ends_it_and_says_which() {
        let mut master = farm(&["tile-0", "tile-1"]);
        let tasks = launch(&mut master);
        master.update_because(&tasks[1].id, TaskState::Error, Reason::ModuleInvalid);
        master.expect_stopped();
        let problem = master.scheduler().problem.clone().unwrap();
        assert!(problem.contains("TASK_ERROR MODULE_INVALID"), "{problem}");
    }
}
