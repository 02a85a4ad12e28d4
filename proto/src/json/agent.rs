//! Agents and their runners as readers see them. Never says what an agent may do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stoker_types::agent::{AgentInfo, RunnerInfo};
use utoipa::ToSchema;

use super::resources::Resources;

/// One machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Its id: `agent-…`.
    #[schema(example = "agent-5wq3zkd2hyv4m")]
    pub id: String,
    /// Its host's name.
    pub hostname: String,
    /// Whether it can be used.
    pub state: AgentState,
    /// What it sells.
    pub total: Resources,
    /// What its tasks hold.
    pub used: Resources,
    /// What is in offers.
    pub offered: Resources,
    /// What its operator says of it.
    pub attributes: BTreeMap<String, String>,
    /// The version of its program.
    pub version: String,
    /// The address of its health and metrics page.
    pub url: String,
    /// How well its kernel confines its runners.
    pub hardening: Hardening,
    /// When it last registered; null if it has not since this master started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub registered_at: Option<Timestamp>,
    /// Its runner processes.
    pub runners: Vec<Runner>,
}

impl Agent {
    /// An agent as it introduced itself, with nothing used and nothing offered.
    #[must_use]
    pub fn new(agent: &AgentInfo, state: AgentState) -> Self {
        Self {
            id: agent.id.to_string(),
            hostname: agent.hostname.clone(),
            state,
            total: Resources::from(&agent.resources),
            used: Resources::default(),
            offered: Resources::default(),
            attributes: agent
                .attributes
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            version: agent.version.clone(),
            url: agent.url.clone(),
            hardening: agent.hardening.into(),
            registered_at: None,
            runners: Vec::new(),
        }
    }
}

/// What a kernel enforces on runners and compilers, beside that they gain no new privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hardening {
    /// The version of Landlock: 0 for none, 6 for any that has all that is used.
    pub landlock: u32,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

impl From<stoker_types::Hardening> for Hardening {
    fn from(hardening: stoker_types::Hardening) -> Self {
        Self {
            landlock: hardening.landlock,
            seccomp: hardening.seccomp,
        }
    }
}

impl From<Hardening> for stoker_types::Hardening {
    fn from(hardening: Hardening) -> Self {
        Self {
            landlock: hardening.landlock,
            seccomp: hardening.seccomp,
        }
    }
}

/// Whether an agent can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// It tells its tasks; nothing is offered yet.
    Registering,
    /// It is connected and offered.
    Active,
    /// Its stream is over and its time to return is not.
    Disconnected,
    /// It did not return in time.
    Unreachable,
}

impl AgentState {
    /// The name that the JSON and the command line show.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::Active => "active",
            Self::Disconnected => "disconnected",
            Self::Unreachable => "unreachable",
        }
    }
}

/// One runner process of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Runner {
    /// Its process.
    pub pid: u32,
    /// Its id: `runner-…`.
    pub id: String,
    /// Its tenant's framework.
    pub framework_id: String,
    /// Its tenant's role.
    pub role: String,
    /// How many tasks it hosts.
    pub tasks: u32,
}

impl From<&RunnerInfo> for Runner {
    fn from(runner: &RunnerInfo) -> Self {
        Self {
            pid: runner.pid,
            id: runner.id.to_string(),
            framework_id: runner.framework_id.to_string(),
            role: runner.role.to_string(),
            tasks: runner.tasks,
        }
    }
}
