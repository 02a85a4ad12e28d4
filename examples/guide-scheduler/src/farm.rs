//! The scheduler: a task for each word, and another one where that was lost.
//!
//! Owns which words wait, run, and are done. Never touches a clock, a socket or the command line.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
};

use stoker_sdk_scheduler::{
    Calls, Offer, Outcome, Reason, Registration, Scheduler, StatusUpdate, Task, TaskId, TaskState,
    Timestamp, take_fitting,
};

use crate::notes::{Memory, Notes};

/// Runs the same module for each word, which is the task's name and its argument.
#[derive(Debug)]
pub(crate) struct Farm {
    /// What all tasks have in common.
    template: Task,
    /// Words without a task.
    waiting: VecDeque<String>,
    /// Words whose task was launched and has not ended.
    running: BTreeMap<TaskId, String>,
    finished: BTreeSet<String>,
    failed: BTreeSet<String>,
    notes: Notes,
}

impl Farm {
    /// Begins where `memory` says that an earlier life of this program got to.
    pub(crate) fn new(template: Task, words: Vec<String>, notes: Notes, memory: Memory) -> Self {
        let launched: BTreeSet<&String> = memory.running.values().collect();
        let is_new = |word: &String| {
            !(launched.contains(word)
                || memory.finished.contains(word)
                || memory.failed.contains(word))
        };
        Self {
            template,
            waiting: words.into_iter().filter(is_new).collect(),
            running: memory.running,
            finished: memory.finished,
            failed: memory.failed,
            notes,
        }
    }

    /// The words whose task has done its work.
    pub(crate) const fn finished(&self) -> &BTreeSet<String> {
        &self.finished
    }

    /// The words whose task has failed, as another one would.
    pub(crate) const fn failed(&self) -> &BTreeSet<String> {
        &self.failed
    }
}

impl Scheduler for Farm {
    type Command = Infallible;

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let task = |word: &String| self.template.clone().name(word).arg(word);
            let mut tasks: VecDeque<Task> = self.waiting.iter().map(task).collect();
            let fitting = take_fitting(&offer.resources, &mut tasks);
            // All need the same, so those that fit are the first ones.
            let words: Vec<String> = self.waiting.drain(..fitting.len()).collect();
            let task_ids = calls.launch(&offer, fitting); // Of nothing: this declines the offer.
            for (task_id, word) in task_ids.into_iter().zip(words) {
                self.notes.write(&format!("launched {task_id} {word}"));
                self.running.insert(task_id, word);
            }
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = &update.task.task_id;
        let outcome = match update.state {
            // Noted by an earlier life, and not known to the master: it was never launched.
            TaskState::Unknown => Outcome::Lost,
            _ => Outcome::of(update),
        };
        if outcome != Outcome::Alive {
            self.end(task_id, outcome, calls);
        }
        // Last: what can be read on the screen is also in the notes.
        let reason = update.reason.map_or("", Reason::as_str);
        println!("{task_id} is {} {reason} {}", update.state, update.message);
    }

    fn registered(&mut self, _now: Timestamp, registration: &Registration, calls: &mut Calls) {
        let framework_id = registration.framework_id;
        if registration.is_return {
            println!(
                "back as {framework_id}, {} tasks running",
                self.running.len()
            );
        } else {
            println!("registered as {framework_id}");
            self.notes.write(&format!("framework {framework_id}"));
        }
        calls.reconcile(self.running.keys().cloned());
        self.end_when_done(calls);
    }
}

impl Farm {
    fn end(&mut self, task_id: &TaskId, outcome: Outcome, calls: &mut Calls) {
        let Some(word) = self.running.remove(task_id) else {
            return; // An earlier life has noted it, and was killed before it was acknowledged.
        };
        match outcome {
            Outcome::Succeeded => {
                self.notes.write(&format!("finished {task_id}"));
                self.finished.insert(word);
            }
            Outcome::Lost => {
                self.notes.write(&format!("lost {task_id}"));
                self.waiting.push_back(word);
                calls.revive();
            }
            Outcome::Failed | Outcome::Killed | Outcome::Alive => {
                self.notes.write(&format!("failed {task_id}"));
                self.failed.insert(word);
            }
        }
        self.end_when_done(calls);
    }

    fn end_when_done(&self, calls: &mut Calls) {
        if self.waiting.is_empty() && self.running.is_empty() {
            calls.teardown();
        }
    }
}

#[cfg(test)]
#[path = "farm_tests.rs"]
mod tests;
