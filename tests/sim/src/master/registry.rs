//! The master's registry as a disk would hold it, and the thread that writes to it.
//!
//! Owns what is durable, and what of a commit under way survives a crash: all or nothing.

use std::collections::BTreeMap;

use stoker_master_core::{AgentRecord, FrameworkRecord, Recovered, RegistryOperation};
use stoker_types::{AgentId, Epoch, FrameworkId};

use crate::random::Random;

/// What the disk holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    epoch: Epoch,
    agents: BTreeMap<AgentId, AgentRecord>,
    frameworks: BTreeMap<FrameworkId, FrameworkRecord>,
}

impl Registry {
    /// The next term begins; that is durable before the master does anything.
    pub(crate) const fn begin_term(&mut self) -> Epoch {
        self.epoch = self.epoch.next();
        self.epoch
    }

    /// What a master finds at its start.
    pub(crate) fn load(&self) -> Recovered {
        Recovered {
            agents: self.agents.values().cloned().collect(),
            frameworks: self.frameworks.values().cloned().collect(),
        }
    }

    pub(crate) fn agent(&self, agent_id: AgentId) -> Option<&AgentRecord> {
        self.agents.get(&agent_id)
    }

    pub(crate) fn framework(&self, framework_id: FrameworkId) -> Option<&FrameworkRecord> {
        self.frameworks.get(&framework_id)
    }

    fn apply(&mut self, operation: RegistryOperation) {
        match operation {
            RegistryOperation::PutAgent(record) => {
                self.agents.insert(record.agent.id, record);
            }
            RegistryOperation::PutFramework(record) => {
                self.frameworks.insert(record.id, record);
            }
            RegistryOperation::RemoveFramework(framework_id) => {
                self.frameworks.remove(&framework_id);
            }
        }
    }
}

/// Operations and their numbers.
type Operations = Vec<(u64, RegistryOperation)>;

/// The thread that writes: one commit at a time, of all that has gathered.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    waiting: Operations,
    committing: Operations,
}

impl Writer {
    pub(crate) fn submit(&mut self, operations: Operations) {
        self.waiting.extend(operations);
    }

    /// Begins the next commit, if there is one to begin: the numbers in it.
    pub(crate) fn begin(&mut self) -> Option<Vec<u64>> {
        if self.waiting.is_empty() || !self.committing.is_empty() {
            return None;
        }
        self.committing = std::mem::take(&mut self.waiting);
        Some(self.committing.iter().map(|(number, _)| *number).collect())
    }

    /// The commit is durable; the numbers in it.
    pub(crate) fn finish(&mut self, registry: &mut Registry) -> Vec<u64> {
        let operations = std::mem::take(&mut self.committing);
        let write = |(number, operation)| {
            registry.apply(operation);
            number
        };
        operations.into_iter().map(write).collect()
    }

    /// The process dies: a commit under way may be durable, though nobody was told.
    pub(crate) fn crash(&mut self, registry: &mut Registry, random: &mut Random) {
        if random.percent(50) {
            self.finish(registry);
        }
        *self = Self::default();
    }
}
