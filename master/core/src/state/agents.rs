//! The agents, each in one phase of its session.
//!
//! Owns the table. What a call or a timer leads to is in `agent`.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{
    AgentId, OfferId, Resources, TaskKey, Timestamp,
    agent::{AgentInfo, RunnerInfo, TaskSnapshot},
};

use crate::{
    allocator::Tenant,
    effect::{AgentRecord, AgentState, AgentView},
    input::ConnectionId,
};

/// A registration under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) connection: ConnectionId,
    /// What it says of itself now; what was known before holds until it is registered.
    pub(crate) info: AgentInfo,
    pub(crate) boot_id: String,
    /// The tasks that it has told until now.
    pub(crate) told: Vec<TaskSnapshot>,
}

impl Registration {
    /// All of it, with the tasks; what stays behind has none.
    pub(crate) fn take(&mut self) -> Self {
        let told = std::mem::take(&mut self.told);
        Self {
            told,
            ..self.clone()
        }
    }
}

/// Where an agent is in its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AgentPhase {
    /// It tells its tasks.
    Registering(Box<Registration>),
    /// It told all of them; the registry has not confirmed yet that it is admitted.
    Admitting(Box<Registration>),
    /// It is connected and offered.
    Active { connection: ConnectionId },
    /// Its stream is over and its time to return is not.
    Disconnected,
    /// Its time to return is over; the registry has not confirmed yet that it is unreachable.
    MarkingUnreachable {
        /// The write that it waits for.
        sequence: u64,
    },
    /// It did not return in time.
    Unreachable,
    /// It stopped for good, without tasks.
    Stopped,
}

/// A task of an agent that the master does not know as its own: of a framework that is over, or
/// declared over before. It is accounted for until the agent says that it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stray {
    pub(crate) tenant: Tenant,
    pub(crate) allocated: Resources,
}

/// An agent.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) info: AgentInfo,
    pub(crate) phase: AgentPhase,
    /// Whether the registry ever confirmed it: until then nobody sees it.
    pub(crate) is_admitted: bool,
    /// What was last asked to be written of it.
    pub(crate) in_registry: Option<AgentRecord>,
    /// The last write about it, until it is confirmed.
    pub(crate) pending_write: Option<u64>,
    /// Its boot when it last registered with this master.
    pub(crate) boot_id: Option<String>,
    /// When it last registered with this master: since then the master knows its tasks.
    pub(crate) registered_at: Option<Timestamp>,
    pub(crate) last_heard: Timestamp,
    /// What its tasks hold, strays among them.
    pub(crate) used: Resources,
    /// What is in offers.
    pub(crate) offered: Resources,
    /// Its tasks that are not over.
    pub(crate) tasks: BTreeSet<TaskKey>,
    pub(crate) strays: BTreeMap<TaskKey, Stray>,
    pub(crate) offers: BTreeSet<OfferId>,
    pub(crate) runners: Vec<RunnerInfo>,
}

impl Agent {
    pub(crate) fn new(info: AgentInfo, phase: AgentPhase, now: Timestamp) -> Self {
        Self {
            id: info.id,
            info,
            phase,
            is_admitted: false,
            in_registry: None,
            pending_write: None,
            boot_id: None,
            registered_at: None,
            last_heard: now,
            used: Resources::default(),
            offered: Resources::default(),
            tasks: BTreeSet::new(),
            strays: BTreeMap::new(),
            offers: BTreeSet::new(),
            runners: Vec::new(),
        }
    }

    /// The stream on which it takes orders, if it is registered and there.
    pub(crate) const fn listener(&self) -> Option<ConnectionId> {
        match &self.phase {
            AgentPhase::Active { connection } => Some(*connection),
            AgentPhase::Registering(_)
            | AgentPhase::Admitting(_)
            | AgentPhase::Disconnected
            | AgentPhase::MarkingUnreachable { .. }
            | AgentPhase::Unreachable
            | AgentPhase::Stopped => None,
        }
    }

    /// Its stream, in whatever phase.
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match &self.phase {
            AgentPhase::Active { connection } => Some(*connection),
            AgentPhase::Registering(registration) | AgentPhase::Admitting(registration) => {
                Some(registration.connection)
            }
            AgentPhase::Disconnected
            | AgentPhase::MarkingUnreachable { .. }
            | AgentPhase::Unreachable
            | AgentPhase::Stopped => None,
        }
    }

    /// Whether it may have tasks that this master has not been told of, and may tell them soon.
    pub(crate) const fn is_awaited(&self) -> bool {
        match self.phase {
            AgentPhase::Registering(_)
            | AgentPhase::Admitting(_)
            | AgentPhase::Disconnected
            | AgentPhase::MarkingUnreachable { .. } => self.registered_at.is_none(),
            AgentPhase::Active { .. } | AgentPhase::Unreachable | AgentPhase::Stopped => false,
        }
    }

    /// How readers see its phase.
    pub(crate) const fn state(&self) -> AgentState {
        match self.phase {
            AgentPhase::Registering(_) | AgentPhase::Admitting(_) => AgentState::Registering,
            AgentPhase::Active { .. } => AgentState::Active,
            AgentPhase::Disconnected
            | AgentPhase::MarkingUnreachable { .. }
            | AgentPhase::Stopped => AgentState::Disconnected,
            AgentPhase::Unreachable => AgentState::Unreachable,
        }
    }

    /// As readers see it, if they do.
    pub(crate) fn view(&self) -> Option<AgentView> {
        self.is_admitted.then(|| AgentView {
            agent: self.info.clone(),
            state: self.state(),
            used: self.used.clone(),
            offered: self.offered.clone(),
            runners: self.runners.clone(),
            registered_at: self.registered_at,
        })
    }
}

/// All agents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    table: BTreeMap<AgentId, Agent>,
}

impl Agents {
    pub(crate) fn get(&self, agent_id: AgentId) -> Option<&Agent> {
        self.table.get(&agent_id)
    }

    pub(crate) fn get_mut(&mut self, agent_id: AgentId) -> Option<&mut Agent> {
        self.table.get_mut(&agent_id)
    }

    pub(crate) fn insert(&mut self, agent: Agent) {
        self.table.insert(agent.id, agent);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.table.values()
    }

    pub(crate) fn count(&self) -> usize {
        self.table.len()
    }

    /// Whether some agent may yet tell of tasks that this master does not know.
    pub(crate) fn are_awaited(&self) -> bool {
        self.table.values().any(Agent::is_awaited)
    }
}
