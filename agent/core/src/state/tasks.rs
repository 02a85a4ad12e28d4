//! The table of tasks: all that are not forgotten, by framework.

use std::collections::BTreeMap;

use stoker_types::{FrameworkId, TaskId, TaskKey};

use super::Task;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    /// Boxed: where keys come in order, as those of most schedulers, nearly half of a map's room is
    /// never used.
    by_framework: BTreeMap<FrameworkId, BTreeMap<TaskId, Box<Task>>>,
    count: usize,
}

impl Tasks {
    pub(crate) fn get(&self, key: &TaskKey) -> Option<&Task> {
        let of_framework = self.by_framework.get(&key.framework_id)?;
        of_framework.get(&key.task_id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, key: &TaskKey) -> Option<&mut Task> {
        let of_framework = self.by_framework.get_mut(&key.framework_id)?;
        of_framework.get_mut(&key.task_id).map(Box::as_mut)
    }

    pub(crate) fn insert(&mut self, task: Task) {
        let key = task.key();
        let of_framework = self.by_framework.entry(key.framework_id).or_default();
        if of_framework.insert(key.task_id, Box::new(task)).is_none() {
            self.count += 1;
        }
    }

    pub(crate) fn remove(&mut self, key: &TaskKey) {
        let Some(of_framework) = self.by_framework.get_mut(&key.framework_id) else {
            return;
        };
        if of_framework.remove(&key.task_id).is_some() {
            self.count -= 1;
        }
        if of_framework.is_empty() {
            self.by_framework.remove(&key.framework_id);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        let tasks = self.by_framework.values().flat_map(BTreeMap::values);
        tasks.map(Box::as_ref)
    }

    /// The keys of all tasks, to go through while the table changes.
    pub(crate) fn keys(&self) -> Vec<TaskKey> {
        self.iter().map(Task::key).collect()
    }

    /// The keys of a framework's tasks, to go through while the table changes.
    pub(crate) fn keys_of(&self, framework_id: FrameworkId) -> Vec<TaskKey> {
        self.by_framework
            .get(&framework_id)
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|task| task.key())
            .collect()
    }
}
