//! What each agent sells, what of it is held, and which agents have something to offer.
//!
//! Owns the supply side: it knows nobody who wants anything.

use std::collections::{BTreeMap, BTreeSet};

use stoker_types::{AgentId, Milli, Resources};

use super::share::Amounts;

/// Less than this of cpus and of mem is not worth an offer.
const SMALLEST_CPUS: Milli = Milli::from_thousandths(10);
/// Less than this of cpus and of mem is not worth an offer, in bytes.
const SMALLEST_MEM: u64 = 32 << 20;

#[derive(Clone, Debug, Default)]
struct Account {
    total: Resources,
    /// In offers, and used by tasks.
    held: Resources,
    free: Resources,
    offerable: bool,
}

/// The accounts of all agents.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<AgentId, Account>,
    /// What all agents sell together.
    total: Amounts,
    /// The agents that have something to offer.
    free: BTreeSet<AgentId>,
    /// Of those, the ones that have more to offer than when they were last taken.
    changed: BTreeSet<AgentId>,
}

impl Ledger {
    pub(super) const fn total(&self) -> &Amounts {
        &self.total
    }

    /// All that is free of an agent.
    pub(super) fn free_of(&self, agent_id: AgentId) -> Option<&Resources> {
        self.accounts.get(&agent_id).map(|account| &account.free)
    }

    /// What is held of each agent.
    pub(super) fn held(&self) -> impl Iterator<Item = (AgentId, &Resources)> {
        let accounts = self.accounts.iter();
        accounts.map(|(agent_id, account)| (*agent_id, &account.held))
    }

    /// An agent sells `total`. Whether that is another size than before.
    pub(super) fn set(&mut self, agent_id: AgentId, total: &Resources, offerable: bool) -> bool {
        let account = self.accounts.entry(agent_id).or_default();
        let is_new_size = account.total != *total;
        if is_new_size {
            self.total.subtract(&account.total);
            self.total.add(total);
            account.total = total.clone();
        }
        account.offerable = offerable;
        self.refresh(agent_id, true);
        is_new_size
    }

    /// Whether what is free of an agent is to be offered; an unknown one has no account to mark.
    pub(super) fn set_offerable(&mut self, agent_id: AgentId, offerable: bool) {
        if let Some(account) = self.accounts.get_mut(&agent_id) {
            account.offerable = offerable;
            self.refresh(agent_id, true);
        }
    }

    /// An agent is not part of the cluster any more. Whether it was.
    pub(super) fn remove(&mut self, agent_id: AgentId) -> bool {
        let account = self.accounts.remove(&agent_id);
        if let Some(account) = &account {
            self.total.subtract(&account.total);
        }
        self.free.remove(&agent_id);
        self.changed.remove(&agent_id);
        account.is_some()
    }

    /// Some of what is free is held now.
    pub(super) fn hold(&mut self, agent_id: AgentId, part: &Resources) {
        self.change_held(agent_id, |held| held.checked_add(part));
        self.refresh(agent_id, false);
    }

    /// Some of what was held is free now.
    pub(super) fn free(&mut self, agent_id: AgentId, part: &Resources) {
        self.change_held(agent_id, |held| held.checked_sub(part));
        self.refresh(agent_id, true);
    }

    /// An agent is to be looked at again, if it has something to offer.
    pub(super) fn mark(&mut self, agent_id: AgentId) {
        if self.free.contains(&agent_id) {
            self.changed.insert(agent_id);
        }
    }

    pub(super) fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    pub(super) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The agents that have more to offer than before, or all that have something.
    pub(super) fn take(&mut self, all: bool) -> BTreeSet<AgentId> {
        let changed = std::mem::take(&mut self.changed);
        if all { self.free.clone() } else { changed }
    }

    fn change_held(&mut self, agent_id: AgentId, change: impl Fn(&Resources) -> Option<Resources>) {
        let Some(account) = self.accounts.get_mut(&agent_id) else {
            debug_assert!(false, "{agent_id} has no account");
            return;
        };
        let held = change(&account.held);
        debug_assert!(held.is_some(), "{agent_id} holds {}", account.held);
        account.held = held.unwrap_or_default();
    }

    fn refresh(&mut self, agent_id: AgentId, has_more: bool) {
        let Some(account) = self.accounts.get_mut(&agent_id) else {
            return;
        };
        account.free = account.total.checked_sub(&account.held).unwrap_or_default();
        let is_worth_it = account.free.cpus >= SMALLEST_CPUS || account.free.mem >= SMALLEST_MEM;
        if account.offerable && is_worth_it {
            self.free.insert(agent_id);
            if has_more {
                self.changed.insert(agent_id);
            }
        } else {
            self.free.remove(&agent_id);
            self.changed.remove(&agent_id);
        }
    }
}
