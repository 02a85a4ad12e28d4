//! The tables of the read model: plain maps by id, and what each framework holds in all.
//!
//! Owns how a change is applied and how a list is cut into pages; knows neither JSON nor locks.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use stoker_master_core::{AgentView, Change, FrameworkState, FrameworkView, OfferView, TaskView};
use stoker_proto::json::Counts;
use stoker_types::{
    AgentId, Digest, FrameworkId, OfferId, Ports, Resources, TaskKey, TaskState, TaskUsage,
};

use super::{Page, Seen, references, used::Used};

/// Which tasks are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskFilter {
    /// Only those of this framework.
    pub framework_id: Option<FrameworkId>,
    /// Only those on this agent.
    pub agent_id: Option<AgentId>,
    /// Only those in this state.
    pub state: Option<TaskState>,
}

impl TaskFilter {
    fn admits(&self, task: &TaskView) -> bool {
        self.framework_id
            .is_none_or(|wanted| task.key.framework_id == wanted)
            && self.agent_id.is_none_or(|wanted| task.agent_id == wanted)
            && self.state.is_none_or(|wanted| task.state == wanted)
    }
}

/// What the tasks and offers of a framework come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Its tasks that are alive.
    pub tasks: u64,
    /// What those hold.
    pub used: Resources,
    /// What is offered to it.
    pub offered: Resources,
}

/// All tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    agents: BTreeMap<AgentId, Arc<AgentView>>,
    frameworks: BTreeMap<FrameworkId, Arc<FrameworkView>>,
    tasks: BTreeMap<TaskKey, Arc<TaskView>>,
    offers: BTreeMap<OfferId, Arc<OfferView>>,
    totals: BTreeMap<FrameworkId, Totals>,
    used: Used,
}

impl Tables {
    /// Applies a change; says what there is to see of it, and whether it was a removal.
    pub(super) fn apply(&mut self, change: Change) -> Option<(bool, Seen)> {
        match change {
            Change::Agent(view) => {
                let view: Arc<AgentView> = Arc::from(view);
                self.agents.insert(view.agent.id, Arc::clone(&view));
                Some((false, Seen::Agent(view)))
            }
            Change::Framework(view) => {
                let view: Arc<FrameworkView> = Arc::from(view);
                self.frameworks.insert(view.id, Arc::clone(&view));
                Some((false, Seen::Framework(view)))
            }
            Change::FrameworkForgotten(id) => {
                self.used.forget(id);
                let view = self.frameworks.remove(&id)?;
                Some((true, Seen::Framework(view)))
            }
            Change::Task(view) => {
                let view: Arc<TaskView> = Arc::from(view);
                let earlier = self.tasks.insert(view.key.clone(), Arc::clone(&view));
                self.charge(earlier.as_deref(), Some(&view));
                let before = earlier.map(|task| task.usage).unwrap_or_default();
                self.used.book(&view, &before);
                Some((false, Seen::Task(view)))
            }
            Change::Usage(TaskUsage { task, usage }) => {
                let view = Arc::make_mut(self.tasks.get_mut(&task)?);
                let before = std::mem::replace(&mut view.usage, usage);
                self.used.book(view, &before);
                // Too often for watchers.
                None
            }
            Change::TaskForgotten(key) => {
                let earlier = self.tasks.remove(&key)?;
                self.charge(Some(&earlier), None);
                Some((true, Seen::Task(earlier)))
            }
            Change::Offer(view) => {
                let view: Arc<OfferView> = Arc::from(view);
                let earlier = self.offers.insert(view.offer.id, Arc::clone(&view));
                self.hold(earlier.as_deref(), Some(&view));
                Some((false, Seen::Offer(view)))
            }
            Change::OfferRemoved(id) => {
                let earlier = self.offers.remove(&id)?;
                self.hold(Some(&earlier), None);
                Some((true, Seen::Offer(earlier)))
            }
        }
    }

    /// Moves what a task holds into its framework's totals, in place of what it held before.
    fn charge(&mut self, earlier: Option<&TaskView>, now: Option<&TaskView>) {
        let is_alive = |task: &&TaskView| !task.state.is_terminal();
        if let Some(task) = now.filter(is_alive) {
            let totals = self.totals.entry(task.key.framework_id).or_default();
            totals.tasks += 1;
            add(&mut totals.used, &task.allocated);
        }
        if let Some(task) = earlier.filter(is_alive) {
            self.change_totals(task.key.framework_id, |totals| {
                totals.tasks = totals.tasks.saturating_sub(1);
                subtract(&mut totals.used, &task.allocated);
            });
        }
    }

    fn hold(&mut self, earlier: Option<&OfferView>, now: Option<&OfferView>) {
        if let Some(view) = now {
            let totals = self.totals.entry(view.offer.framework_id).or_default();
            add(&mut totals.offered, &view.offer.resources);
        }
        if let Some(view) = earlier {
            self.change_totals(view.offer.framework_id, |totals| {
                subtract(&mut totals.offered, &view.offer.resources);
            });
        }
    }

    /// Takes something out of a framework's totals; those that come to nothing are dropped.
    fn change_totals(&mut self, id: FrameworkId, take_out: impl FnOnce(&mut Totals)) {
        let Some(totals) = self.totals.get_mut(&id) else {
            return;
        };
        take_out(totals);
        if *totals == Totals::default() {
            self.totals.remove(&id);
        }
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        let agents = self.agents.values().cloned().map(Seen::Agent);
        let frameworks = self.frameworks.values().cloned().map(Seen::Framework);
        let tasks = self.tasks.values().cloned().map(Seen::Task);
        let offers = self.offers.values().cloned().map(Seen::Offer);
        agents
            .chain(frameworks)
            .chain(tasks)
            .chain(offers)
            .collect()
    }

    pub(super) fn agents(&self, page: Page<AgentId>) -> Vec<Arc<AgentView>> {
        cut(&self.agents, page)
            .map(|(_, view)| Arc::clone(view))
            .collect()
    }

    pub(super) fn agent(&self, id: AgentId) -> Option<Arc<AgentView>> {
        self.agents.get(&id).cloned()
    }

    pub(super) fn frameworks(&self, page: Page<FrameworkId>) -> Vec<(Arc<FrameworkView>, Totals)> {
        cut(&self.frameworks, page)
            .map(|(id, view)| (Arc::clone(view), self.totals(*id)))
            .collect()
    }

    pub(super) fn framework(&self, id: FrameworkId) -> Option<(Arc<FrameworkView>, Totals)> {
        self.frameworks
            .get(&id)
            .map(|view| (Arc::clone(view), self.totals(id)))
    }

    fn totals(&self, id: FrameworkId) -> Totals {
        self.totals.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn tasks(&self, filter: &TaskFilter, page: Page<TaskKey>) -> Vec<Arc<TaskView>> {
        let limit = page.limit;
        cut(
            &self.tasks,
            Page {
                limit: usize::MAX,
                ..page
            },
        )
        .map(|(_, view)| view)
        .filter(|view| filter.admits(view))
        .take(limit)
        .cloned()
        .collect()
    }

    pub(super) fn task(&self, key: &TaskKey) -> Option<Arc<TaskView>> {
        self.tasks.get(key).cloned()
    }

    /// What tasks need of the blob store.
    pub(super) fn blob_references(&self) -> BTreeSet<Digest> {
        let is_completed = |id: &FrameworkId| {
            let framework = self.frameworks.get(id);
            framework.is_some_and(|framework| framework.state == FrameworkState::Completed)
        };
        let of_task = |task: &Arc<TaskView>| {
            references::of(task, is_completed(&task.key.framework_id)).collect::<Vec<_>>()
        };
        self.tasks.values().flat_map(of_task).collect()
    }

    pub(super) fn offers(&self, page: Page<OfferId>) -> Vec<Arc<OfferView>> {
        cut(&self.offers, page)
            .map(|(_, view)| Arc::clone(view))
            .collect()
    }

    pub(super) fn offer(&self, id: OfferId) -> Option<Arc<OfferView>> {
        self.offers.get(&id).cloned()
    }

    /// What all tasks have used, by framework and role.
    pub(super) fn used(&self) -> Used {
        let mut used = self.used.clone();
        for task in self.tasks.values() {
            used.hold(task);
        }
        used
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            agents: self.agents.len() as u64,
            frameworks: self.frameworks.len() as u64,
            tasks: self.tasks.len() as u64,
            offers: self.offers.len() as u64,
        }
    }
}

fn cut<K: Ord, V>(table: &BTreeMap<K, V>, page: Page<K>) -> impl Iterator<Item = (&K, &V)> {
    let start = page.after.map_or(Bound::Unbounded, Bound::Excluded);
    table.range((start, Bound::Unbounded)).take(page.limit)
}

/// Adds what is held on one agent to a total over many. Ports have no total: the same one may be
/// held on each. Where a sum is past what can be counted, the total stays as it is.
fn add(total: &mut Resources, more: &Resources) {
    if let Some(sum) = total.checked_add(&without_ports(more)) {
        *total = sum;
    }
}

fn subtract(total: &mut Resources, less: &Resources) {
    if let Some(rest) = total.checked_sub(&without_ports(less)) {
        *total = rest;
    }
}

fn without_ports(resources: &Resources) -> Resources {
    Resources {
        ports: Ports::default(),
        ..resources.clone()
    }
}
