//! Which tasks this agent has or had a moment ago, which of them are over, and whose sandboxes are
//! in use: for those who read them, and for who removes them.
//!
//! A read model, made of the records that the core writes: nobody asks the core.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use stoker_agent_core::{Record, RecoveredRunner, RecoveredTask};
use stoker_types::{FrameworkId, RunnerId, TaskKey};
use tokio::sync::watch;

use crate::sandboxes::Removal;

/// The forgotten tasks that are still known to have been here.
const REMEMBERED: usize = 10_000;

/// The tasks; shared between the driver, which writes, and transfers, which read.
#[derive(Debug, Default)]
pub(crate) struct KnownTasks(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    present: HashMap<TaskKey, Life>,
    /// Whom the runners work for: they reach what is in the framework's folder, as long as it is
    /// the one that was there at their start.
    runners: HashMap<RunnerId, FrameworkId>,
    forgotten: HashSet<TaskKey>,
    /// The forgotten ones, the latest last.
    order: VecDeque<TaskKey>,
    /// How many read each sandbox.
    readers: HashMap<TaskKey, usize>,
    /// Why sandboxes are gone, as far as it is remembered; the latest removal last.
    removed: VecDeque<(TaskKey, Removal)>,
}

/// Keeps a sandbox where it is while someone reads it.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    known_tasks: &'a KnownTasks,
    task: TaskKey,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut tables = self.known_tasks.tables();
        if let Some(readers) = tables.readers.get_mut(&self.task) {
            *readers -= 1;
            if *readers == 0 {
                tables.readers.remove(&self.task);
            }
        }
    }
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

    /// Takes over a runner of an earlier daemon.
    pub(crate) fn recover_runner(&self, runner: &RecoveredRunner) {
        let framework_id = runner.tenant.framework_id;
        self.tables().runners.insert(runner.id, framework_id);
    }

    /// Follows what the core writes.
    pub(crate) fn note(&self, record: &Record) {
        match record {
            Record::Launched(launch) => {
                let key = TaskKey {
                    framework_id: launch.framework_id,
                    task_id: launch.task.id.clone(),
                };
                let mut tables = self.tables();
                tables.removed.retain(|(task, _)| *task != key);
                tables.present.entry(key).or_default();
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
            Record::RunnerStarted {
                runner_id, tenant, ..
            } => {
                self.tables()
                    .runners
                    .insert(*runner_id, tenant.framework_id);
            }
            Record::RunnerEnded { runner_id } => {
                self.tables().runners.remove(runner_id);
            }
            Record::Identity { .. }
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

    /// Someone reads a task's sandbox until the result is dropped.
    pub(crate) fn read(&self, task: &TaskKey) -> Reading<'_> {
        *self.tables().readers.entry(task.clone()).or_default() += 1;
        Reading {
            known_tasks: self,
            task: task.clone(),
        }
    }

    /// Why a task's sandbox is gone, if it was removed and that is remembered.
    pub(crate) fn removal(&self, task: &TaskKey) -> Option<Removal> {
        let tables = self.tables();
        let mut removed = tables.removed.iter();
        removed.find_map(|(removed, why)| (removed == task).then_some(*why))
    }

    /// Has `remove` take a task's sandbox away, unless the task is alive or someone reads it; and
    /// neither begins meanwhile, so it is to be quick. It is told whether no task of the framework
    /// is left here, and no runner.
    pub(crate) fn remove_unused(
        &self,
        task: &TaskKey,
        why: Removal,
        remove: impl FnOnce(bool) -> io::Result<()>,
    ) -> Option<io::Result<()>> {
        let mut tables = self.tables();
        let is_alive = tables.present.get(task).is_some_and(|life| !life.is_over);
        if is_alive || tables.readers.contains_key(task) {
            return None;
        }
        let mut tasks = tables.present.keys();
        let is_last = tasks.all(|present| present.framework_id != task.framework_id)
            && tables
                .runners
                .values()
                .all(|framework_id| *framework_id != task.framework_id);
        let removed = remove(is_last);
        if removed.is_ok() {
            tables.removed.push_back((task.clone(), why));
            if tables.removed.len() > REMEMBERED {
                tables.removed.pop_front();
            }
        }
        Some(removed)
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

#[cfg(test)]
pub(crate) mod tests {
    use stoker_types::{
        Resources, Role, StatusUpdate, TaskInfo, TaskLimits, TaskState, Timestamp, Usage,
        agent::Launch, runner::Tenant,
    };

    use super::*;

    /// A task of that name.
    pub(crate) fn task(name: &str) -> TaskKey {
        TaskKey {
            framework_id: FrameworkId::from_bits(1),
            task_id: name.parse().unwrap(),
        }
    }

    /// It was launched.
    pub(crate) fn launched(name: &str) -> Record {
        let key = task(name);
        Record::Launched(Box::new(Launch {
            framework_id: key.framework_id,
            role: Role::default(),
            task: TaskInfo {
                id: key.task_id,
                name: String::new(),
                module: "file:/a.wasm".parse().unwrap(),
                module_digest: None,
                resources: Resources::default(),
                arguments: Vec::new(),
                program_name: String::new(),
                environment: Vec::new(),
                stdin: None,
                inputs: Vec::new(),
                outputs: Vec::new(),
                limits: TaskLimits::default(),
            },
            allocated: Resources::default(),
        }))
    }

    /// It has ended.
    pub(crate) fn end(name: &str) -> Record {
        Record::Update {
            update: Box::new(StatusUpdate {
                task: task(name),
                agent_id: None,
                number: 1,
                state: TaskState::Finished,
                reason: None,
                message: String::new(),
                exit_code: Some(0),
                usage: Usage::default(),
                outputs: Vec::new(),
                at: Timestamp::default(),
            }),
            runner_event: None,
        }
    }

    #[test]
    fn a_framework_s_folder_stays_as_long_as_it_has_a_runner() {
        let known_tasks = KnownTasks::default();
        let is_last = || {
            let mut told = None;
            let remove = |is_last| {
                told = Some(is_last);
                Ok(())
            };
            let removed = known_tasks.remove_unused(&task("a"), Removal::Evicted, remove);
            removed.unwrap().unwrap();
            told.unwrap()
        };
        assert!(is_last());
        let runner_id = RunnerId::from_bits(1);
        known_tasks.note(&Record::RunnerStarted {
            runner_id,
            nonce: 1,
            tenant: Tenant {
                framework_id: task("a").framework_id,
                role: Role::default(),
            },
        });
        assert!(!is_last());
        known_tasks.note(&Record::RunnerEnded { runner_id });
        assert!(is_last());
    }

    #[test]
    fn a_task_that_is_launched_again_has_no_removal_behind_it() {
        let known_tasks = KnownTasks::default();
        let key = task("a");
        let remove = |_| Ok(());
        known_tasks
            .remove_unused(&key, Removal::Evicted, remove)
            .unwrap()
            .unwrap();
        assert_eq!(known_tasks.removal(&key), Some(Removal::Evicted));
        known_tasks.note(&launched("a"));
        assert_eq!(known_tasks.removal(&key), None);
        assert!(
            known_tasks
                .remove_unused(&key, Removal::Evicted, remove)
                .is_none()
        );
    }
}
