//! The whole of a cluster in one document, and what is said instead where there is an error.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{agent::Agent, framework::Framework, offer::Offer, task::Task, time::time};

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct State {
    /// Who leads it.
    pub master: Master,
    /// How much there is of each.
    pub counts: Counts,
    /// The agents.
    pub agents: Vec<Agent>,
    /// The frameworks.
    pub frameworks: Vec<Framework>,
    /// The tasks that the master knows.
    pub tasks: Vec<Task>,
    /// The offers that are out.
    pub offers: Vec<Offer>,
}

/// The leading master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Master {
    /// Its term.
    pub epoch: u64,
    /// The version of its program.
    pub version: String,
    /// When it started to lead.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
}

impl Master {
    /// A master as it introduces itself.
    #[must_use]
    pub fn new(master: &stoker_types::MasterInfo, started_at: stoker_types::Timestamp) -> Self {
        Self {
            epoch: master.epoch.get(),
            version: master.version.clone(),
            started_at: time(started_at),
        }
    }
}

/// How much there is of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Agents, in every state.
    pub agents: u64,
    /// Frameworks, in every state.
    pub frameworks: u64,
    /// Tasks, in every state.
    pub tasks: u64,
    /// Offers that are out.
    pub offers: u64,
}

/// What an HTTP request gets that is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Error {
    /// Why, and what would be right.
    pub error: String,
}
