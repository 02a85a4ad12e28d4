//! What a master knows: the map of its tables.
//!
//! Owns the one root that every handler works on. Each table owns its own rows; `ledger` and
//! `life` own what moves between them.

pub(crate) mod agents;
pub(crate) mod changes;
pub(crate) mod connections;
pub(crate) mod forget;
pub(crate) mod frameworks;
mod invariants;
pub(crate) mod ledger;
pub(crate) mod life;
pub(crate) mod offers;
pub(crate) mod registry;
mod remembered;
pub(crate) mod tasks;
pub(crate) mod timers;

use std::collections::BTreeMap;

use stoker_types::{Epoch, IdGenerator, Timestamp};

use crate::{allocator::Allocator, config::Config};

/// All that a master knows.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) config: Config,
    pub(crate) epoch: Epoch,
    pub(crate) ids: IdGenerator,
    pub(crate) agents: agents::Agents,
    pub(crate) frameworks: frameworks::Frameworks,
    pub(crate) tasks: tasks::Tasks,
    pub(crate) offers: offers::Offers,
    pub(crate) connections: connections::Connections,
    pub(crate) registry: registry::Registry,
    pub(crate) timers: timers::Timers,
    pub(crate) allocator: Allocator,
    /// When the allocator last ran.
    pub(crate) allocated_at: Option<Timestamp>,
    pub(crate) changes: changes::Changes,
    pub(crate) counters: Counters,
}

/// What is counted and cannot be read off the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) allocation_runs: u64,
    pub(crate) scheduler_calls: BTreeMap<&'static str, u64>,
    pub(crate) scheduler_refusals: BTreeMap<&'static str, u64>,
    pub(crate) agent_calls: BTreeMap<&'static str, u64>,
    pub(crate) agent_refusals: BTreeMap<&'static str, u64>,
}

impl Cluster {
    pub(crate) fn new(config: Config, epoch: Epoch, seed: u64) -> Self {
        Self {
            epoch,
            ids: IdGenerator::from_seed(seed),
            agents: agents::Agents::default(),
            frameworks: frameworks::Frameworks::new(&config.limits),
            tasks: tasks::Tasks::default(),
            offers: offers::Offers::new(epoch),
            connections: connections::Connections::default(),
            registry: registry::Registry::default(),
            timers: timers::Timers::default(),
            allocator: Allocator::new(config.limits.offers_per_framework),
            allocated_at: None,
            changes: changes::Changes::default(),
            counters: Counters::default(),
            config,
        }
    }
}

/// Counts one more of `verb`.
pub(crate) fn count(counter: &mut BTreeMap<&'static str, u64>, verb: &'static str) {
    *counter.entry(verb).or_default() += 1;
}
