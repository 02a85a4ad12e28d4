//! The history checker: what is told it happened, it judges by the cluster's invariants.
//!
//! ```text
//!   what the master heard and said ─────▶ promises    1  no resource is promised twice
//!   what runners did ───────────────────▶ tasks       2  a launch is executed at most once
//!   what schedulers' callbacks heard ───▶ tasks       3  every launch ends, and that is heard
//!                                         order       4  in order, nothing after an end
//!   who asked for an end ───────────────▶ tasks       5  nothing is killed by a loss
//!   what was durable when it was told ──▶ frameworks  6  what is confirmed survives
//! ```
//!
//! Owns a history of its own, made of observations at the cluster's rims and of the truth about
//! runners; it never looks into a core. It knows only the vocabulary, so that other rings of tests
//! can feed it too. The first violation is kept.

mod frameworks;
mod order;
mod promises;
mod settle;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{AgentId, RunnerId, TaskKey};

use frameworks::Framework;
use order::Order;
use promises::Promises;
use tasks::TaskHistory;

pub(crate) use tasks::Cause;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {rule}: {what}")]
pub struct Violation {
    /// Which of the invariants, by its number and in words.
    pub rule: Rule,
    /// What happened.
    pub what: String,
}

/// An invariant of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Resources are never promised twice.
    Promises,
    /// A launch is executed at most once.
    Once,
    /// Every accepted launch ends in a terminal status that reaches its scheduler.
    Ends,
    /// The updates of a task arrive in order, and an end is final.
    Order,
    /// A loss kills no task.
    Losses,
    /// What was confirmed survives, and what was not is not acted on.
    Durable,
    /// What is told of a task is what happened to it.
    Truth,
    /// When all trouble is over, all is well again after a while.
    Liveness,
    /// A core's own invariants.
    Core,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Promises => "1 (resources are never promised twice)",
            Self::Once => "2 (a launch is executed at most once)",
            Self::Ends => "3 (every accepted launch ends, and its scheduler hears it)",
            Self::Order => "4 (updates arrive in order, an end is final)",
            Self::Losses => "5 (losing master, daemon or link kills no task)",
            Self::Durable => "6 (what is confirmed survives)",
            Self::Truth => "truth (a status says what happened)",
            Self::Liveness => "liveness (after all trouble, all is well again)",
            Self::Core => "of a core (its own check)",
        })
    }
}

/// How much was seen, to know that a run was worth something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Launches that a master sent.
    pub launches: u64,
    /// Modules that were started.
    pub starts: u64,
    /// Ends that a scheduler's callback heard.
    pub ends: u64,
    /// Offers made.
    pub offers: u64,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    violation: Option<Violation>,
    promises: Promises,
    order: Order,
    frameworks: BTreeMap<stoker_types::FrameworkId, Framework>,
    tasks: BTreeMap<TaskKey, TaskHistory>,
    /// How many masters there were.
    masters: u64,
    /// The boot of each agent's machine, as it last told a master, and as it is.
    told_boots: BTreeMap<AgentId, String>,
    boots: BTreeMap<AgentId, String>,
    /// Runners that are over, or about to be ended.
    ended_runners: BTreeSet<RunnerId>,
    counts: Counts,
}

impl Checker {
    pub(crate) const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }

    /// Something is wrong. Only the first thing counts: what follows may stem from it.
    pub(crate) fn violated(&mut self, rule: Rule, what: impl Into<String>) {
        if self.violation.is_none() {
            self.violation = Some(Violation {
                rule,
                what: what.into(),
            });
        }
    }

    fn require(&mut self, rule: Rule, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(rule, what());
        }
    }

    fn task(&mut self, key: &TaskKey) -> &mut TaskHistory {
        if !self.tasks.contains_key(key) {
            self.tasks.insert(key.clone(), TaskHistory::default());
        }
        self.tasks.entry(key.clone()).or_default()
    }
}
