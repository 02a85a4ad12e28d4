//! What readers have to be shown anew at the end of an input.
//!
//! Owns which entities changed, each once however often it did. Never shows what waits for the
//! registry.

use std::collections::BTreeSet;

use stoker_types::{AgentId, FrameworkId, OfferId, TaskKey, TaskUsage};

use super::Cluster;
use crate::effect::{Change, Effect};

/// What changed since the last flush.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    agents: BTreeSet<AgentId>,
    frameworks: BTreeSet<FrameworkId>,
    tasks: BTreeSet<TaskKey>,
    usages: BTreeSet<TaskKey>,
    offers_made: BTreeSet<OfferId>,
    offers_removed: BTreeSet<OfferId>,
    tasks_forgotten: BTreeSet<TaskKey>,
    frameworks_forgotten: BTreeSet<FrameworkId>,
}

impl Changes {
    pub(crate) fn agent(&mut self, agent_id: AgentId) {
        self.agents.insert(agent_id);
    }

    pub(crate) fn framework(&mut self, framework_id: FrameworkId) {
        self.frameworks.insert(framework_id);
    }

    pub(crate) fn task(&mut self, key: TaskKey) {
        self.tasks.insert(key);
    }

    /// Nothing of a task changed but what it has used.
    pub(crate) fn usage(&mut self, key: TaskKey) {
        self.usages.insert(key);
    }

    pub(crate) fn offer_made(&mut self, offer_id: OfferId) {
        self.offers_made.insert(offer_id);
    }

    pub(crate) fn offer_removed(&mut self, offer_id: OfferId) {
        // One that was made and removed within an input was never seen.
        if !self.offers_made.remove(&offer_id) {
            self.offers_removed.insert(offer_id);
        }
    }

    pub(crate) fn task_forgotten(&mut self, key: TaskKey) {
        self.tasks.remove(&key);
        self.tasks_forgotten.insert(key);
    }

    pub(crate) fn framework_forgotten(&mut self, framework_id: FrameworkId) {
        self.frameworks.remove(&framework_id);
        self.frameworks_forgotten.insert(framework_id);
    }
}

/// Shows readers what changed: what is there first, then what is not there any more.
pub(crate) fn flush(cluster: &mut Cluster, effects: &mut Vec<Effect>) {
    let changes = std::mem::take(&mut cluster.changes);
    let frameworks = changes.frameworks.into_iter().filter_map(|framework_id| {
        let view = cluster.frameworks.get(framework_id)?.view()?;
        Some(Change::Framework(Box::new(view)))
    });
    let agents = changes.agents.into_iter().filter_map(|agent_id| {
        let view = cluster.agents.get(agent_id)?.view()?;
        Some(Change::Agent(Box::new(view)))
    });
    let only_used = changes.usages.difference(&changes.tasks);
    let usages: Vec<Change> = only_used
        .filter_map(|key| {
            let usage = cluster.tasks.get(key)?.usage;
            let task = key.clone();
            Some(Change::Usage(TaskUsage { task, usage }))
        })
        .collect();
    let tasks = changes.tasks.into_iter().filter_map(|key| {
        let view = cluster.tasks.get(&key)?.view();
        Some(Change::Task(Box::new(view)))
    });
    let offers = changes.offers_made.into_iter().filter_map(|offer_id| {
        let view = cluster.offers.get(offer_id)?.view();
        Some(Change::Offer(Box::new(view)))
    });
    let offers_removed = changes.offers_removed.into_iter().map(Change::OfferRemoved);
    let tasks_forgotten = changes
        .tasks_forgotten
        .into_iter()
        .map(Change::TaskForgotten);
    let frameworks_forgotten = changes
        .frameworks_forgotten
        .into_iter()
        .map(Change::FrameworkForgotten);
    let all = frameworks
        .chain(agents)
        .chain(tasks)
        .chain(usages)
        .chain(offers_removed)
        .chain(offers)
        .chain(tasks_forgotten)
        .chain(frameworks_forgotten);
    effects.extend(all.map(Effect::Changed));
}
