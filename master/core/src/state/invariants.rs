//! What must hold after every input (DESIGN.md §5.5 and the agreement of the tables).
//!
//! Owns the checks; changes nothing. A violation is a bug of this crate, so it panics.

use std::collections::BTreeMap;

use stoker_types::{AgentId, Resources, TaskState};

use super::{
    Cluster,
    agents::{Agent, AgentPhase},
    connections::Peer,
    frameworks::FrameworkPhase,
    tasks::Task,
};
use crate::allocator::{Amounts, Tenant};

impl Cluster {
    /// Panics if something that must hold does not.
    pub(crate) fn check_invariants(&self) {
        for agent in self.agents.iter() {
            self.check_agent(agent);
        }
        self.check_allocator();
        self.check_offers();
        self.check_tasks();
        self.check_frameworks();
        self.check_connections();
    }

    /// Invariant 1: resources are never promised twice.
    fn check_agent(&self, agent: &Agent) {
        let agent_id = agent.id;
        let holding = agent
            .tasks
            .iter()
            .filter_map(|key| self.tasks.get(key))
            .filter(|task| task.holds_resources())
            .map(|task| &task.allocated);
        let strays = agent.strays.values().map(|stray| &stray.allocated);
        let used = sum(agent_id, holding.chain(strays));
        assert_eq!(
            agent.used, used,
            "{agent_id} uses something else than its tasks hold"
        );
        let offers = agent.offers.iter().filter_map(|id| self.offers.get(*id));
        let offered = sum(
            agent_id,
            offers.map(|outstanding| &outstanding.offer.resources),
        );
        assert_eq!(
            agent.offered, offered,
            "{agent_id} offers something else than its offers hold"
        );
        let promised = sum(agent_id, [&used, &offered].into_iter());
        let total = &agent.info.resources;
        assert!(
            total.contains(&promised),
            "{agent_id} sells {total} and promises {promised}"
        );
        if !matches!(agent.phase, AgentPhase::Active { .. }) {
            assert!(
                agent.offers.is_empty(),
                "{agent_id} is not there and offers something"
            );
        }
    }

    /// The allocator's counters are those that the tables give.
    fn check_allocator(&self) {
        let mut charges: BTreeMap<Tenant, Amounts> = BTreeMap::new();
        let mut roles = BTreeMap::new();
        let mut charge = |tenant: &Tenant, resources: &Resources| {
            charges.entry(tenant.clone()).or_default().add(resources);
            let role: &mut Amounts = roles.entry(tenant.role.clone()).or_default();
            role.add(resources);
        };
        for outstanding in self.offers.iter() {
            charge(
                &outstanding.allocation().tenant,
                &outstanding.offer.resources,
            );
        }
        for task in self.tasks.iter().filter(|task| task.holds_resources()) {
            charge(&task.tenant(), &task.allocated);
        }
        for stray in self.agents.iter().flat_map(|agent| agent.strays.values()) {
            charge(&stray.tenant, &stray.allocated);
        }
        charges.retain(|_, amounts| !amounts.is_empty());
        roles.retain(|_, amounts| !amounts.is_empty());
        assert_eq!(
            self.allocator.charges(),
            charges,
            "the shares are not those of the tables"
        );
        assert_eq!(
            self.allocator.role_charges(),
            roles,
            "the roles are not those of the tables"
        );
        for (agent_id, held) in self.allocator.held() {
            let agent = self.agents.get(agent_id);
            let promised =
                agent.map(|agent| sum(agent_id, [&agent.used, &agent.offered].into_iter()));
            assert_eq!(
                promised.as_ref(),
                Some(held),
                "the allocator's ledger of {agent_id}"
            );
        }
    }

    /// Each offer belongs to a framework that is there, and to an agent that is there.
    fn check_offers(&self) {
        for outstanding in self.offers.iter() {
            let offer = &outstanding.offer;
            let framework = self.frameworks.get(offer.framework_id);
            assert!(
                framework.is_some_and(|framework| framework.listener().is_some()
                    && framework.offers.contains(&offer.id)),
                "{} is of {}, which is not there",
                offer.id,
                offer.framework_id
            );
            let agent = self.agents.get(offer.agent_id);
            assert!(
                agent.is_some_and(|agent| agent.offers.contains(&offer.id)),
                "{} is of {}, which does not know it",
                offer.id,
                offer.agent_id
            );
        }
        for framework in self.frameworks.iter() {
            let limit = self.config.limits.offers_per_framework;
            assert!(
                framework.offers.len() <= limit,
                "{} has too many offers",
                framework.id
            );
        }
    }

    /// A task that is not over is on one agent, of one framework, and both know it.
    fn check_tasks(&self) {
        let mut counts = BTreeMap::new();
        let mut alive = 0;
        for task in self.tasks.iter() {
            let key = &task.key;
            assert_ne!(task.state, TaskState::Unknown, "{key} is in no state");
            assert!(
                !task.is_over || task.state.is_terminal(),
                "{key} is over and has not ended"
            );
            assert!(
                task.acknowledged_number <= task.latest_number,
                "{key} is ahead of itself"
            );
            if task.is_over {
                continue;
            }
            alive += 1;
            *counts.entry(task.state).or_default() += 1;
            let agent = self.agents.get(task.agent_id);
            assert!(
                agent.is_some_and(|agent| agent.tasks.contains(key)),
                "{key} is nowhere"
            );
            let framework = self.frameworks.get(key.framework_id);
            let is_known = framework.is_some_and(|known| known.tasks.contains(&key.task_id));
            assert!(is_known, "{key} is nobody's");
        }
        assert_eq!(*self.tasks.counts(), counts, "the counts of tasks");
        let on_agents: usize = self.agents.iter().map(|agent| agent.tasks.len()).sum();
        assert_eq!(
            on_agents, alive,
            "a task is on two agents, or an agent has one that is over"
        );
        let of_frameworks: usize = self.frameworks.iter().map(|known| known.tasks.len()).sum();
        assert_eq!(of_frameworks, alive, "a framework has a task that is over");
        let is_back = |task: &Task| {
            let agent = self.agents.get(task.agent_id);
            let is_there = agent.is_some_and(|agent| agent.listener().is_some());
            is_there && task.state == TaskState::Unreachable
        };
        assert!(
            !self.tasks.iter().any(is_back),
            "a task of an agent that is there is unreachable"
        );
    }

    fn check_frameworks(&self) {
        let completed = self.frameworks.iter();
        let completed = completed.filter(|known| known.phase == FrameworkPhase::Completed);
        assert_eq!(
            completed.count(),
            self.frameworks.completed.len(),
            "completed frameworks"
        );
        for framework in self.frameworks.iter() {
            let limits = &self.config.limits;
            let shown = framework.ended_tasks.len();
            assert!(
                shown <= limits.shown_ended_tasks_per_framework,
                "{} shown",
                framework.id
            );
        }
    }

    /// Each stream leads to one peer, and that peer to it.
    fn check_connections(&self) {
        for (connection, peer) in self.connections.iter() {
            let back = match peer {
                Peer::Scheduler(framework_id) => {
                    let framework = self.frameworks.get(framework_id);
                    framework.and_then(|framework| framework.connection())
                }
                Peer::Agent(agent_id) => {
                    let agent = self.agents.get(agent_id);
                    agent.and_then(Agent::connection)
                }
                Peer::Closed => None,
            };
            assert_eq!(
                back,
                Some(connection),
                "stream {connection:?} leads to {peer:?}"
            );
        }
    }
}

fn sum<'a>(agent_id: AgentId, parts: impl Iterator<Item = &'a Resources>) -> Resources {
    parts.fold(Resources::default(), |sum, part| {
        let larger = sum.checked_add(part);
        assert!(
            larger.is_some(),
            "{agent_id}: {part} is promised twice beside {sum}"
        );
        larger.unwrap_or_default()
    })
}
