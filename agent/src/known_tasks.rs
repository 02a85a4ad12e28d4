//! Which tasks this agent has or had a moment ago, and which of them are over: for those who read
//! their output.
//!
//! A read model, made of the records that the core writes: nobody asks the core.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use stoker_agent_core::{Record, RecoveredTask};
use stoker_types::TaskKey;
use tokio::sync::watch;

/// The forgotten tasks that are still known to have been here.
const REMEMBERED: usize = 10_000;

/// The tasks; shared between the driver, which writes, and transfers, which read.
#[derive(Debug, Default)]
pub(crate) struct KnownTasks(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    present: HashMap<TaskKey, Life>,
    forgotten: HashSet<TaskKey>,
    /// The forgotten ones, the latest last.
    order: VecDeque<TaskKey>,
}

#[derive(Debug, Default)]
struct Life {
    is_over: bool,
    /// Made when someone follows it.
    end: Option<watch::Sender<bool>>,
}

/// What is known of a task.
#[derive(Clone, Debug)]
pub(crate) enum Knowledge {
    /// Nothing.
    Unknown,
    /// It is over, and all its output is on disk.
    Over,
    /// It goes on until this says `true`, or its sender is gone.
    Alive(watch::Receiver<bool>),
}

impl KnownTasks {
    /// Takes over a task of an earlier daemon.
    pub(crate) fn recover(&self, task: &RecoveredTask) {
        let is_over = task
            .latest
            .as_ref()
            .is_some_and(|latest| latest.state.is_terminal());
        let key = TaskKey {
            framework_id: task.launch.framework_id,
            task_id: task.launch.task.id.clone(),
        };
        self.tables()
            .present
            .insert(key, Life { is_over, end: None });
    }

    /// Follows what the core writes.
    pub(crate) fn note(&self, record: &Record) {
        match record {
            Record::Launched(launch) => {
                let key = TaskKey {
                    framework_id: launch.framework_id,
                    task_id: launch.task.id.clone(),
                };
                self.tables().present.entry(key).or_default();
            }
            Record::Update { update, .. } if update.state.is_terminal() => {
                if let Some(life) = self.tables().present.get_mut(&update.task) {
                    life.is_over = true;
                    if let Some(end) = life.end.take() {
                        end.send_replace(true);
                    }
                }
            }
            Record::Forgotten { task } => self.tables().forget(task),
            Record::Identity { .. }
            | Record::RunnerStarted { .. }
            | Record::RunnerEnded { .. }
            | Record::HandedOver { .. }
            | Record::KillRequested { .. }
            | Record::Update { .. }
            | Record::OutputsPending { .. }
            | Record::Acknowledged { .. } => {}
        }
    }

    /// What is known of a task.
    pub(crate) fn look(&self, task: &TaskKey) -> Knowledge {
        let mut tables = self.tables();
        let was_here = tables.forgotten.contains(task);
        match tables.present.get_mut(task) {
            Some(life) if life.is_over => Knowledge::Over,
            Some(life) => {
                let end = life.end.get_or_insert_with(|| watch::channel(false).0);
                Knowledge::Alive(end.subscribe())
            }
            None if was_here => Knowledge::Over,
            None => Knowledge::Unknown,
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing that runs under the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn forget(&mut self, task: &TaskKey) {
        if self.present.remove(task).is_some() && self.forgotten.insert(task.clone()) {
            self.order.push_back(task.clone());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.forgotten.remove(&oldest);
        }
    }
}
