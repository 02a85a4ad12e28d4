//! The frameworks, each in one phase of its life, and the ids that are used up.
//!
//! Owns the table. What a call or a timer leads to is in `scheduler`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stoker_types::{FrameworkId, FrameworkInfo, OfferId, Role, TaskId, Timestamp};

use super::remembered::Remembered;
use crate::{
    config::Limits,
    effect::{FrameworkRecord, FrameworkState, FrameworkView},
    input::{ConnectionId, RequestId},
};

/// Where a framework is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameworkPhase {
    /// Its scheduler subscribed; the registry has not confirmed yet that it is to be there.
    Admitting {
        connection: ConnectionId,
        /// The write that it waits for.
        sequence: u64,
        /// Whether readers know it from before.
        is_return: bool,
    },
    /// Its scheduler is there.
    Active { connection: ConnectionId },
    /// Its scheduler is away and may return until its failover timeout.
    Disconnected,
    /// Only agents know of it: a master before this one, or none that lives, admitted it.
    Orphaned,
    /// It is to end; the registry has not confirmed that yet.
    Removing {
        /// Its scheduler, if it is still there.
        connection: Option<ConnectionId>,
        /// The write that it waits for.
        sequence: u64,
        /// What its scheduler is told then; nothing if it asked for the end itself.
        farewell: Option<String>,
        /// The operators who wait for it.
        requests: Vec<RequestId>,
    },
    /// It is over.
    Completed,
}

/// A framework.
#[derive(Clone, Debug)]
pub(crate) struct Framework {
    pub(crate) id: FrameworkId,
    pub(crate) info: FrameworkInfo,
    pub(crate) phase: FrameworkPhase,
    /// The roles in which it wants no offers for now.
    pub(crate) suppressed: BTreeSet<Role>,
    pub(crate) registered_at: Timestamp,
    pub(crate) disconnected_at: Option<Timestamp>,
    /// What was last asked to be written of it; nothing for an ephemeral one.
    pub(crate) in_registry: Option<FrameworkRecord>,
    /// Its tasks that are not over.
    pub(crate) tasks: BTreeSet<TaskId>,
    /// Its tasks that are over and still shown, the oldest first.
    pub(crate) ended_tasks: VecDeque<TaskId>,
    /// The ids that it may not use again.
    pub(crate) ended_task_ids: Remembered<TaskId>,
    /// The offers that it has.
    pub(crate) offers: BTreeSet<OfferId>,
}

impl Framework {
    pub(crate) const fn new(
        id: FrameworkId,
        info: FrameworkInfo,
        phase: FrameworkPhase,
        now: Timestamp,
        limits: &Limits,
    ) -> Self {
        Self {
            id,
            info,
            phase,
            suppressed: BTreeSet::new(),
            registered_at: now,
            disconnected_at: None,
            in_registry: None,
            tasks: BTreeSet::new(),
            ended_tasks: VecDeque::new(),
            ended_task_ids: Remembered::new(limits.remembered_task_ids_per_framework),
            offers: BTreeSet::new(),
        }
    }

    /// The stream on which it hears what happens, if it is there.
    pub(crate) const fn listener(&self) -> Option<ConnectionId> {
        match self.phase {
            FrameworkPhase::Active { connection } => Some(connection),
            FrameworkPhase::Admitting { .. }
            | FrameworkPhase::Disconnected
            | FrameworkPhase::Orphaned
            | FrameworkPhase::Removing { .. }
            | FrameworkPhase::Completed => None,
        }
    }

    /// The stream of its scheduler, in whatever phase.
    pub(crate) const fn connection(&self) -> Option<ConnectionId> {
        match self.phase {
            FrameworkPhase::Active { connection }
            | FrameworkPhase::Admitting { connection, .. } => Some(connection),
            FrameworkPhase::Removing { connection, .. } => connection,
            FrameworkPhase::Disconnected | FrameworkPhase::Orphaned | FrameworkPhase::Completed => {
                None
            }
        }
    }

    /// The roles in which it wants offers.
    pub(crate) fn wanted_roles(&self) -> BTreeSet<Role> {
        let roles = self.info.roles.iter();
        roles
            .filter(|role| !self.suppressed.contains(*role))
            .cloned()
            .collect()
    }

    /// How readers see its phase; `None` while they must not see it.
    pub(crate) const fn state(&self) -> Option<FrameworkState> {
        match self.phase {
            FrameworkPhase::Active { .. }
            | FrameworkPhase::Removing {
                connection: Some(_),
                ..
            } => Some(FrameworkState::Active),
            FrameworkPhase::Admitting {
                is_return: true, ..
            }
            | FrameworkPhase::Disconnected
            | FrameworkPhase::Orphaned
            | FrameworkPhase::Removing {
                connection: None, ..
            } => Some(FrameworkState::Disconnected),
            FrameworkPhase::Completed => Some(FrameworkState::Completed),
            FrameworkPhase::Admitting {
                is_return: false, ..
            } => None,
        }
    }

    /// As readers see it, if they do.
    pub(crate) fn view(&self) -> Option<FrameworkView> {
        self.state().map(|state| FrameworkView {
            id: self.id,
            framework: self.info.clone(),
            state,
            registered_at: self.registered_at,
            disconnected_at: self.disconnected_at,
        })
    }

    /// What the registry is to hold of it.
    pub(crate) fn record(&self, failover_deadline: Option<Timestamp>) -> Option<FrameworkRecord> {
        (!self.info.is_ephemeral()).then(|| FrameworkRecord {
            id: self.id,
            framework: self.info.clone(),
            failover_deadline,
        })
    }
}

/// All frameworks.
#[derive(Clone, Debug)]
pub(crate) struct Frameworks {
    table: BTreeMap<FrameworkId, Framework>,
    /// Those that are over and still shown, the oldest first.
    pub(crate) completed: VecDeque<FrameworkId>,
    /// The ids that are never valid again.
    pub(crate) removed_ids: Remembered<FrameworkId>,
}

impl Frameworks {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            table: BTreeMap::new(),
            completed: VecDeque::new(),
            removed_ids: Remembered::new(limits.remembered_framework_ids),
        }
    }

    pub(crate) fn get(&self, framework_id: FrameworkId) -> Option<&Framework> {
        self.table.get(&framework_id)
    }

    pub(crate) fn get_mut(&mut self, framework_id: FrameworkId) -> Option<&mut Framework> {
        self.table.get_mut(&framework_id)
    }

    pub(crate) fn insert(&mut self, framework: Framework) {
        self.table.insert(framework.id, framework);
    }

    pub(crate) fn remove(&mut self, framework_id: FrameworkId) -> Option<Framework> {
        self.table.remove(&framework_id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Framework> {
        self.table.values()
    }

    /// How many are not over.
    pub(crate) fn count_alive(&self) -> usize {
        self.table.len().saturating_sub(self.completed.len())
    }

    /// Whether a framework's end is decided: its tasks are to end, nobody hears of them.
    pub(crate) fn is_removed(&self, framework_id: FrameworkId) -> bool {
        let framework = self.table.get(&framework_id);
        let is_over = |framework: &Framework| framework.phase == FrameworkPhase::Completed;
        self.removed_ids.contains(&framework_id) || framework.is_some_and(is_over)
    }
}
