//! How much of the log is still needed: what a snapshot would leave.
//!
//! Owns an estimate by task and runner; a snapshot's exact content is the core's business.

use std::collections::HashMap;

use stoker_agent_core::Record;
use stoker_types::{RunnerId, TaskKey};

/// Below this many bytes a log is not worth a snapshot.
const SNAPSHOT_FROM_BYTES: u64 = 4 << 20;

/// Whose memory a record is, and whether it is the last of it.
#[derive(Debug)]
pub(super) struct Subject {
    owner: Owner,
    is_over: bool,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Owner {
    Agent,
    Task(TaskKey),
    Runner(RunnerId),
}

impl Subject {
    /// The subject of a record.
    pub(super) fn of(record: &Record) -> Self {
        let owner = match record {
            Record::Identity { .. } => Owner::Agent,
            Record::Launched(launch) => Owner::Task(TaskKey {
                framework_id: launch.framework_id,
                task_id: launch.task.id.clone(),
            }),
            Record::RunnerStarted { runner_id, .. } | Record::RunnerEnded { runner_id } => {
                Owner::Runner(*runner_id)
            }
            Record::HandedOver { task, .. }
            | Record::KillRequested { task, .. }
            | Record::OutputsPending { task, .. }
            | Record::Acknowledged { task, .. }
            | Record::Forgotten { task } => Owner::Task(task.clone()),
            Record::Update { update, .. } => Owner::Task(update.task.clone()),
        };
        let is_over = matches!(
            record,
            Record::RunnerEnded { .. } | Record::Forgotten { .. }
        );
        Self { owner, is_over }
    }
}

/// The bytes of the log, and those of them that belong to something alive.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    total: u64,
    live: u64,
    by_owner: HashMap<Owner, u64>,
}

impl Liveness {
    /// A record of so many bytes was appended.
    pub(super) fn add(&mut self, subject: Subject, bytes: u64) {
        self.total += bytes;
        if subject.is_over {
            self.live -= self.by_owner.remove(&subject.owner).unwrap_or_default();
        } else {
            self.live += bytes;
            *self.by_owner.entry(subject.owner).or_default() += bytes;
        }
    }

    /// Whether at least half is dead, and there is enough of it.
    pub(super) const fn calls_for_snapshot(&self) -> bool {
        self.total >= SNAPSHOT_FROM_BYTES && self.live <= self.total / 2
    }
}

#[cfg(test)]
mod tests {
    use stoker_types::IdGenerator;

    use super::*;

    #[test]
    fn half_is_dead_when_half_of_the_runners_have_ended() {
        let mut ids = IdGenerator::from_seed(1);
        let runners = [ids.runner_id(), ids.runner_id()];
        let mut liveness = Liveness::default();
        let tenant = stoker_types::runner::Tenant {
            framework_id: ids.framework_id(),
            role: stoker_types::Role::default(),
        };
        for runner_id in runners {
            let record = Record::RunnerStarted {
                runner_id,
                nonce: 1,
                tenant: tenant.clone(),
            };
            liveness.add(Subject::of(&record), SNAPSHOT_FROM_BYTES);
        }
        assert!(!liveness.calls_for_snapshot());
        liveness.add(
            Subject::of(&Record::RunnerEnded {
                runner_id: runners[0],
            }),
            20,
        );
        assert!(liveness.calls_for_snapshot());
        liveness.add(
            Subject::of(&Record::RunnerEnded {
                runner_id: runners[1],
            }),
            20,
        );
        assert_eq!(liveness.live, 0);
    }
}
