//! Invariant 1: for each agent, what is in offers and what tasks hold is within what it sells.
//!
//! Owns a ledger of its own, made of the messages alone: an offer is a promise from when it is
//! made until the master hears its answer, takes it back or ends its stream; a task holds its
//! resources from its launch (or from when its agent tells of it) until the master hears its end.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{
    AgentId, Offer, OfferId, Resources, StatusUpdate, TaskKey, agent::TaskSnapshot,
};

use super::{Checker, Rule};

/// What the present master has promised.
#[derive(Debug, Default)]
pub(super) struct Promises {
    agents: BTreeMap<AgentId, Ledger>,
    /// The agent of each open offer.
    open: BTreeMap<OfferId, AgentId>,
    /// All offers that ever were.
    known: BTreeSet<OfferId>,
}

#[derive(Debug, Default)]
struct Ledger {
    total: Resources,
    /// The stream on which it is registered.
    stream: Option<u64>,
    /// Open offers, and the stream that each was made on.
    offers: BTreeMap<OfferId, (u64, Resources)>,
    tasks: BTreeMap<TaskKey, Resources>,
}

impl Ledger {
    /// All that is promised; none if a port is in it twice.
    fn promised(&self) -> Option<Resources> {
        let offers = self.offers.values().map(|(_, resources)| resources);
        offers
            .chain(self.tasks.values())
            .try_fold(Resources::default(), |sum, part| sum.checked_add(part))
    }
}

impl Checker {
    /// A master has died: its offers and its books are void.
    pub(crate) fn master_died(&mut self) {
        self.promises.open.clear();
        for ledger in self.promises.agents.values_mut() {
            *ledger = Ledger {
                total: std::mem::take(&mut ledger.total),
                ..Ledger::default()
            };
        }
    }

    /// An agent introduces itself to a master.
    pub(crate) fn agent_registers(&mut self, agent_id: AgentId, total: Resources, boot_id: &str) {
        self.promises.agents.entry(agent_id).or_default().total = total;
        self.told_boots.insert(agent_id, boot_id.to_owned());
    }

    pub(super) fn ledger_registered(
        &mut self,
        agent_id: AgentId,
        stream: u64,
        told: &[TaskSnapshot],
    ) {
        let ledger = self.promises.agents.entry(agent_id).or_default();
        ledger.stream = Some(stream);
        let alive = told.iter().filter(|task| !task.state.is_terminal());
        ledger.tasks = alive
            .map(|task| {
                let key = TaskKey {
                    framework_id: task.launch.framework_id,
                    task_id: task.launch.task.id.clone(),
                };
                (key, task.launch.allocated.clone())
            })
            .collect();
        self.check_agent(agent_id);
    }

    /// Offers are made on a stream.
    pub(crate) fn offers_made(&mut self, stream: u64, offers: &[Offer]) {
        for offer in offers {
            self.counts.offers += 1;
            let is_new = self.promises.known.insert(offer.id);
            self.require(Rule::Promises, is_new, || {
                format!("{} is made twice", offer.id)
            });
            self.promises.open.insert(offer.id, offer.agent_id);
            let ledger = self.promises.agents.entry(offer.agent_id).or_default();
            ledger
                .offers
                .insert(offer.id, (stream, offer.resources.clone()));
            self.check_agent(offer.agent_id);
        }
    }

    /// An offer is answered or taken back.
    pub(crate) fn offer_over(&mut self, offer_id: OfferId) {
        let agent_id = self.promises.open.remove(&offer_id);
        let ledger = agent_id.and_then(|agent_id| self.promises.agents.get_mut(&agent_id));
        if let Some(ledger) = ledger {
            ledger.offers.remove(&offer_id);
        }
    }

    /// All offers that were made on a stream are over with it.
    pub(super) fn offers_of_stream_over(&mut self, stream: u64) {
        let open = &mut self.promises.open;
        for ledger in self.promises.agents.values_mut() {
            ledger.offers.retain(|offer_id, (made_on, _)| {
                let stays = *made_on != stream;
                if !stays {
                    open.remove(offer_id);
                }
                stays
            });
        }
    }

    pub(super) fn ledger_launched(
        &mut self,
        agent_id: AgentId,
        key: &TaskKey,
        allocated: &Resources,
    ) {
        let ledger = self.promises.agents.entry(agent_id).or_default();
        ledger.tasks.insert(key.clone(), allocated.clone());
        self.check_agent(agent_id);
    }

    /// An agent's update reaches the master.
    pub(crate) fn update_arrived(&mut self, agent_id: AgentId, stream: u64, update: &StatusUpdate) {
        let ledger = self.promises.agents.entry(agent_id).or_default();
        if ledger.stream == Some(stream) && update.state.is_terminal() {
            ledger.tasks.remove(&update.task);
        }
    }

    fn check_agent(&mut self, agent_id: AgentId) {
        let Some(ledger) = self.promises.agents.get(&agent_id) else {
            return;
        };
        let promised = ledger.promised();
        let holds = promised
            .as_ref()
            .is_some_and(|promised| ledger.total.contains(promised));
        if !holds {
            let promised =
                promised.map_or_else(|| "a port twice".to_owned(), |sum| sum.to_string());
            let what = format!(
                "{agent_id} sells {} and promises {promised}, in offers {:?} and tasks {:?}",
                ledger.total,
                ledger.offers.keys().collect::<Vec<_>>(),
                ledger
                    .tasks
                    .keys()
                    .map(|key| &key.task_id)
                    .collect::<Vec<_>>(),
            );
            self.violated(Rule::Promises, what);
        }
    }
}
