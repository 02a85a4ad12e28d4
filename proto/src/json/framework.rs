//! Frameworks as readers see them. Never holds what only their scheduler may know.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stoker_types::{FrameworkId, FrameworkInfo};
use utoipa::ToSchema;

use super::{resources::Resources, time::time};

/// One framework.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Framework {
    /// Its id: `framework-…`.
    #[schema(example = "framework-5wq3zkd2hyv4m")]
    pub id: String,
    /// For people; need not be unique.
    pub name: String,
    /// On whose behalf it acts; may be empty.
    pub principal: String,
    /// The roles it wants offers in.
    pub roles: Vec<String>,
    /// Whether its scheduler is there.
    pub state: FrameworkState,
    /// How long its tasks outlive its connection; 0 if it ends with it.
    pub failover_timeout_seconds: f64,
    /// When it first subscribed, as far as this master knows.
    #[schema(value_type = String, format = DateTime)]
    pub registered_at: Timestamp,
    /// Since when it is away, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disconnected_at: Option<Timestamp>,
    /// How many tasks of it are alive.
    pub tasks: u64,
    /// What its tasks hold.
    pub used: Resources,
    /// What is offered to it.
    pub offered: Resources,
}

impl Framework {
    /// A framework as it introduced itself, active, with no task and no offer.
    #[must_use]
    pub fn new(
        id: FrameworkId,
        framework: &FrameworkInfo,
        registered_at: stoker_types::Timestamp,
    ) -> Self {
        Self {
            id: id.to_string(),
            name: framework.name.clone(),
            principal: framework.principal.clone(),
            roles: framework.roles.iter().map(ToString::to_string).collect(),
            state: FrameworkState::Active,
            failover_timeout_seconds: framework.failover_timeout.as_secs_f64(),
            registered_at: time(registered_at),
            disconnected_at: None,
            tasks: 0,
            used: Resources::default(),
            offered: Resources::default(),
        }
    }
}

/// Whether a framework's scheduler is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrameworkState {
    /// It is.
    Active,
    /// It is away; its tasks go on until its failover timeout.
    Disconnected,
    /// It is over.
    Completed,
}

impl FrameworkState {
    /// The name that the JSON and the command line show.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disconnected => "disconnected",
            Self::Completed => "completed",
        }
    }
}
