//! What readers see: the master's entities as they were told by `Effect::Changed`, outside the
//! core.
//!
//! Owns the tables, the task that fills them and the channel on which watchers hear of changes.
//! HTTP, `OperatorService.Watch` and the dashboard read here; no reader ever touches the core.
//! Shows what the core says and decides nothing.

mod json;
mod references;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod used;

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use stoker_master_core::{AgentView, FrameworkView, OfferView, TaskView};
use stoker_proto::json::{Agent, Counts, Framework, Master, Offer, State, Task};
use stoker_types::{AgentId, Digest, FrameworkId, MasterInfo, OfferId, TaskKey, Timestamp};
use tokio::sync::{broadcast, mpsc};

use crate::driver::Changes;

pub(crate) use json::names;
use tables::Tables;
pub(crate) use tables::TaskFilter;
pub(crate) use used::{Sum, Used};

/// The changes that a watcher may be behind before it is told so.
const WATCH_LAG: usize = 16_384;

/// One thing as it is, or as it was last.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// An agent.
    Agent(Arc<AgentView>),
    /// A framework.
    Framework(Arc<FrameworkView>),
    /// A task.
    Task(Arc<TaskView>),
    /// An offer.
    Offer(Arc<OfferView>),
}

/// One thing that changed.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    /// When.
    pub at: Timestamp,
    /// Whether it is no longer there.
    pub removed: bool,
    /// What.
    pub seen: Seen,
}

/// Which part of a list is wanted: those that follow `after`, at most `limit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<T> {
    /// The last one of the page before; none for the first page.
    pub after: Option<T>,
    /// How many.
    pub limit: usize,
}

/// What readers see.
#[derive(Debug)]
pub(crate) struct ReadModel {
    master: Master,
    tables: RwLock<Tables>,
    watchers: broadcast::Sender<Happening>,
}

impl ReadModel {
    /// An empty model of the master `master`, which started at `started_at`.
    pub(crate) fn new(master: &MasterInfo, started_at: Timestamp) -> Self {
        Self {
            master: Master::new(master, started_at),
            tables: RwLock::default(),
            watchers: broadcast::Sender::new(WATCH_LAG),
        }
    }

    /// Shows what changed, until nobody tells any more.
    pub(crate) async fn follow(self: Arc<Self>, mut told: mpsc::Receiver<Changes>) {
        while let Some(changes) = told.recv().await {
            self.apply(changes);
        }
    }

    /// Shows one turn's changes, all at once.
    pub(crate) fn apply(&self, changes: Changes) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes.changes {
            let Some((removed, seen)) = tables.apply(change) else {
                continue;
            };
            // Under the lock, so that a watcher misses nothing between its start and its changes.
            // Without watchers nobody hears.
            let _is_heard = self.watchers.send(Happening {
                at: changes.at,
                removed,
                seen,
            });
        }
    }

    /// All that is there, and what happens from then on.
    pub(crate) fn watch(&self) -> (Vec<Seen>, broadcast::Receiver<Happening>) {
        self.read(|tables| (tables.all(), self.watchers.subscribe()))
    }

    pub(crate) fn agents(&self, page: Page<AgentId>) -> Vec<Agent> {
        let views = self.read(|tables| tables.agents(page));
        views.iter().map(|view| json::agent(view)).collect()
    }

    pub(crate) fn agent(&self, id: AgentId) -> Option<Agent> {
        self.read(|tables| tables.agent(id))
            .map(|view| json::agent(&view))
    }

    pub(crate) fn frameworks(&self, page: Page<FrameworkId>) -> Vec<Framework> {
        let rows = self.read(|tables| tables.frameworks(page));
        rows.iter()
            .map(|(view, totals)| json::framework(view, totals))
            .collect()
    }

    pub(crate) fn framework(&self, id: FrameworkId) -> Option<Framework> {
        let (view, totals) = self.read(|tables| tables.framework(id))?;
        Some(json::framework(&view, &totals))
    }

    pub(crate) fn tasks(&self, filter: &TaskFilter, page: Page<TaskKey>) -> Vec<Task> {
        let views = self.read(|tables| tables.tasks(filter, page));
        views.iter().map(|view| json::task(view)).collect()
    }

    pub(crate) fn task(&self, key: &TaskKey) -> Option<Task> {
        self.read(|tables| tables.task(key))
            .map(|view| json::task(&view))
    }

    pub(crate) fn offers(&self, page: Page<OfferId>) -> Vec<Offer> {
        let views = self.read(|tables| tables.offers(page));
        views.iter().map(|view| json::offer(view)).collect()
    }

    pub(crate) fn offer(&self, id: OfferId) -> Option<Offer> {
        self.read(|tables| tables.offer(id))
            .map(|view| json::offer(&view))
    }

    /// The whole cluster, with at most `limit` of each kind.
    pub(crate) fn state(&self, limit: usize) -> State {
        State {
            master: self.master.clone(),
            counts: self.counts(),
            agents: self.agents(Page { after: None, limit }),
            frameworks: self.frameworks(Page { after: None, limit }),
            tasks: self.tasks(&TaskFilter::default(), Page { after: None, limit }),
            offers: self.offers(Page { after: None, limit }),
        }
    }

    /// What tasks need of the blob store.
    pub(crate) fn blob_references(&self) -> BTreeSet<Digest> {
        self.read(Tables::blob_references)
    }

    /// What all tasks have used, by framework and role.
    pub(crate) fn used(&self) -> Used {
        self.read(Tables::used)
    }

    fn counts(&self) -> Counts {
        self.read(Tables::counts)
    }

    fn read<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.tables.read().unwrap_or_else(PoisonError::into_inner))
    }
}
