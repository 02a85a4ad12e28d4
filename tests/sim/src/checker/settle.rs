//! Invariant 3, at the end: every launch that was accepted has ended, and its scheduler heard it.

use super::{Checker, Rule, tasks::TaskHistory};

impl Checker {
    /// All trouble is over and nothing happens any more.
    pub(crate) fn settle(&mut self) {
        let open = self.tasks.iter().find(|(_, task)| !self.is_settled(task));
        let open = open.map(|(key, task)| format!("no scheduler heard the end of {key}: {task:?}"));
        if let Some(what) = open {
            self.violated(Rule::Ends, what);
        }
    }

    /// That nobody in the cluster knows a task is the last word where its launch was lost on its
    /// way, or its agent's machine lost the memory of it with its power. It is none for a task
    /// that ran: its agent keeps its end.
    fn is_settled(&self, task: &TaskHistory) -> bool {
        let may_be_unknown = task.started.is_none() || self.was_booted_since(task);
        task.launched.is_none()
            || task.is_exempt
            || task.heard.is_some()
            || (task.is_unknown && may_be_unknown)
    }
}
