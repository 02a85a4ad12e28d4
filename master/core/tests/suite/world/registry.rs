//! A registry that confirms when it is told to, and may lose what it has not confirmed.

use std::collections::{BTreeMap, VecDeque};

use stoker_master_core::{AgentRecord, FrameworkRecord, Recovered, RegistryOperation};
use stoker_types::{AgentId, FrameworkId};

#[derive(Clone, Debug, Default)]
pub(super) struct SimRegistry {
    agents: BTreeMap<AgentId, AgentRecord>,
    frameworks: BTreeMap<FrameworkId, FrameworkRecord>,
    pending: VecDeque<(u64, RegistryOperation)>,
    last: u64,
}

impl SimRegistry {
    pub(super) fn write(&mut self, sequence: u64, operation: RegistryOperation) {
        assert_eq!(sequence, self.last + 1, "writes are numbered one by one");
        self.last = sequence;
        self.pending.push_back((sequence, operation));
    }

    /// Confirms up to `count` writes; the number of the last one.
    pub(super) fn confirm(&mut self, count: usize) -> Option<u64> {
        let count = count.min(self.pending.len());
        let confirmed: Vec<_> = self.pending.drain(..count).collect();
        let last = confirmed.last().map(|(sequence, _)| *sequence);
        for (_, operation) in confirmed {
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
        last
    }

    /// The master died: what it had asked for is written, or lost.
    pub(super) fn crash(&mut self, writes_survive: bool) {
        if writes_survive {
            self.confirm(usize::MAX);
        }
        self.pending.clear();
        self.last = 0;
    }

    pub(super) fn holds(&self, framework_id: FrameworkId) -> bool {
        self.frameworks.contains_key(&framework_id)
    }

    pub(super) fn recovered(&self) -> Recovered {
        Recovered {
            agents: self.agents.values().cloned().collect(),
            frameworks: self.frameworks.values().cloned().collect(),
        }
    }
}
