//! What was asked to be written, and has not been confirmed yet.
//!
//! Owns the numbers of writes and what each is about. Never knows what waits for one: the entity
//! itself is in a pending state.

use std::collections::BTreeMap;

use stoker_types::{AgentId, FrameworkId};

use crate::effect::{Effect, RegistryOperation};

/// Whom a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Agent(AgentId),
    Framework(FrameworkId),
}

/// The writes under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    last: u64,
    pending: BTreeMap<u64, Subject>,
}

impl Registry {
    /// Has `operation` written; the number of the write.
    pub(crate) fn persist(
        &mut self,
        operation: RegistryOperation,
        effects: &mut Vec<Effect>,
    ) -> u64 {
        self.last += 1;
        let sequence = self.last;
        let subject = match &operation {
            RegistryOperation::PutAgent(record) => Subject::Agent(record.agent.id),
            RegistryOperation::PutFramework(record) => Subject::Framework(record.id),
            RegistryOperation::RemoveFramework(framework_id) => Subject::Framework(*framework_id),
        };
        self.pending.insert(sequence, subject);
        effects.push(Effect::Persist {
            sequence,
            operation,
        });
        sequence
    }

    /// The writes up to `sequence` that were not confirmed before, in order.
    pub(crate) fn confirm(&mut self, sequence: u64) -> Vec<(u64, Subject)> {
        let rest = self.pending.split_off(&sequence.saturating_add(1));
        std::mem::replace(&mut self.pending, rest)
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_holds_for_all_writes_before_it_and_once() {
        let mut registry = Registry::default();
        let framework = FrameworkId::from_bits;
        for bits in 1..=3 {
            let operation = RegistryOperation::RemoveFramework(framework(bits));
            registry.persist(operation, &mut Vec::new());
        }
        let confirmed = registry.confirm(2);
        assert_eq!(
            confirmed,
            [
                (1, Subject::Framework(framework(1))),
                (2, Subject::Framework(framework(2)))
            ]
        );
        assert_eq!(registry.confirm(2), []);
        assert_eq!(registry.confirm(u64::MAX).len(), 1);
    }
}
