//! In which roles offers are wanted, and which of the author's wishes no master has heard yet.
//!
//! Owns both, and the calls that tell them; sends none.

use std::collections::BTreeSet;

use stoker_types::{Role, TaskId, scheduler::Call};

/// What the author wants of the master beside its tasks.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// All roles of the framework.
    roles: Vec<Role>,
    suppressed: BTreeSet<Role>,
    /// What the last subscription said is suppressed.
    told: BTreeSet<Role>,
    owes_revive: bool,
    owes_question: bool,
}

impl Demand {
    pub(super) fn new(roles: Vec<Role>) -> Self {
        Self {
            roles,
            ..Self::default()
        }
    }

    /// The roles that a subscription is to call suppressed.
    pub(super) fn subscribe(&mut self) -> Vec<Role> {
        self.told = self.suppressed.clone();
        self.suppressed.iter().cloned().collect()
    }

    /// What was wished since the subscription was written, or before where only a registered
    /// framework may say it.
    pub(super) fn owed(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        let has_less = !self.told.is_subset(&self.suppressed);
        if std::mem::take(&mut self.owes_revive) || has_less {
            let is_wanted = |role: &&Role| !self.suppressed.contains(*role);
            let roles: Vec<Role> = self.roles.iter().filter(is_wanted).cloned().collect();
            // None would mean all.
            if !roles.is_empty() {
                calls.push(Call::Revive { roles });
            }
        }
        let roles: Vec<Role> = self.suppressed.difference(&self.told).cloned().collect();
        if !roles.is_empty() {
            calls.push(Call::Suppress { roles });
        }
        if std::mem::take(&mut self.owes_question) {
            calls.push(ask_for_all());
        }
        calls
    }

    /// Offers are wanted in these roles, or in all; said at once if `is_heard`.
    pub(super) fn revive(&mut self, roles: Vec<Role>, is_heard: bool) -> Option<Call> {
        if roles.is_empty() {
            self.suppressed.clear();
        }
        self.suppressed.retain(|role| !roles.contains(role));
        self.owes_revive |= !is_heard;
        // Said even if nothing is suppressed: it takes declines back.
        is_heard.then_some(Call::Revive { roles })
    }

    /// No offers are wanted in these roles, or in any; said at once if `is_heard` and news.
    pub(super) fn suppress(&mut self, roles: Vec<Role>, is_heard: bool) -> Option<Call> {
        let before = self.suppressed.len();
        let is_meant = |role: &&Role| roles.is_empty() || roles.contains(*role);
        let meant = self.roles.iter().filter(is_meant).cloned();
        self.suppressed.extend(meant);
        let is_news = self.suppressed.len() > before;
        (is_heard && is_news).then_some(Call::Suppress { roles })
    }

    /// All tasks that the master knows are to be told; said at once if `is_heard`.
    pub(super) fn ask_for_all(&mut self, is_heard: bool) -> Option<Call> {
        self.owes_question |= !is_heard;
        is_heard.then(ask_for_all)
    }
}

const fn ask_for_all() -> Call {
    let tasks: Vec<TaskId> = Vec::new();
    Call::Reconcile { tasks }
}
