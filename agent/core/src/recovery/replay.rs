//! Reads the checkpoint log: folds its records into what the agent was.
//!
//! A record that says what is known already, or speaks of a task or a runner that is not there,
//! changes nothing; so a snapshot may repeat what the records after it say again.

use std::collections::BTreeMap;

use stoker_types::{AgentId, RunnerId, StatusUpdate, TaskKey, agent::Launch};

use crate::{Record, Recovered, RecoveredRunner, RecoveredTask};

/// What the records of a checkpoint log say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The agent's id; none in a new log.
    pub agent_id: Option<AgentId>,
    /// The boot of the machine in which the log was last written; none in a new log.
    pub boot_id: Option<String>,
    /// The tasks that are not forgotten, by their keys.
    pub tasks: Vec<RecoveredTask>,
    /// The runners that have not ended, in the order of their starts.
    pub runners: Vec<RecoveredRunner>,
}

impl Replayed {
    /// What the core starts with, as agent `agent_id` (the log's, or a new one), in this boot of
    /// the machine.
    #[must_use]
    pub fn recovered(self, agent_id: AgentId, boot_id: &str) -> Recovered {
        Recovered {
            agent_id,
            machine_was_booted: self.boot_id.is_some_and(|last| last != boot_id),
            tasks: self.tasks,
            runners: self.runners,
        }
    }
}

/// Folds the records of a checkpoint log, in their order.
pub fn replay(records: impl IntoIterator<Item = Record>) -> Replayed {
    let mut fold = Fold::default();
    for record in records {
        fold.apply(record);
    }
    Replayed {
        agent_id: fold.agent_id,
        boot_id: fold.boot_id,
        tasks: fold.tasks.into_values().collect(),
        runners: fold.runners,
    }
}

#[derive(Default)]
struct Fold {
    agent_id: Option<AgentId>,
    boot_id: Option<String>,
    tasks: BTreeMap<TaskKey, RecoveredTask>,
    runners: Vec<RecoveredRunner>,
}

impl Fold {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Identity { agent_id, boot_id } => {
                self.agent_id = Some(agent_id);
                self.boot_id = Some(boot_id);
            }
            Record::Launched(launch) => self.launched(*launch),
            Record::RunnerStarted {
                runner_id,
                nonce,
                tenant,
            } => {
                if self.runner(runner_id).is_none() {
                    self.runners.push(RecoveredRunner {
                        id: runner_id,
                        nonce,
                        tenant,
                        confirmed_event: 0,
                        confirmed_record: None,
                    });
                }
            }
            Record::RunnerEnded { runner_id } => {
                self.runners.retain(|runner| runner.id != runner_id);
            }
            Record::HandedOver { task, runner_id } => {
                if let Some(task) = self.tasks.get_mut(&task) {
                    task.runner_id = Some(runner_id);
                }
            }
            Record::KillRequested {
                task,
                reason,
                grace,
            } => {
                if let Some(task) = self.tasks.get_mut(&task) {
                    task.kill = task.kill.or(Some((reason, grace)));
                }
            }
            Record::Update {
                ref update,
                runner_event,
            } => {
                self.confirmed(runner_event, &record);
                self.updated(StatusUpdate::clone(update));
            }
            Record::OutputsPending {
                ref task,
                usage,
                runner_event,
            } => {
                self.confirmed(runner_event, &record);
                if let Some(task) = self.tasks.get_mut(task) {
                    task.outputs_pending = Some(usage);
                }
            }
            Record::Acknowledged { task, number } => self.acknowledged(&task, number),
            Record::Forgotten { task } => {
                self.tasks.remove(&task);
            }
        }
    }

    fn runner(&mut self, id: RunnerId) -> Option<&mut RecoveredRunner> {
        self.runners.iter_mut().find(|runner| runner.id == id)
    }

    fn launched(&mut self, launch: Launch) {
        let key = TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        };
        self.tasks.entry(key).or_insert_with(|| RecoveredTask {
            launch,
            runner_id: None,
            kill: None,
            outputs_pending: None,
            unacknowledged: Vec::new(),
            acknowledged_number: 0,
            latest: None,
        });
    }

    /// A runner's event is in the log, if this record stems from one.
    fn confirmed(&mut self, runner_event: Option<(RunnerId, u64)>, record: &Record) {
        if let Some((runner_id, event)) = runner_event
            && let Some(runner) = self.runner(runner_id)
            && event > runner.confirmed_event
        {
            runner.confirmed_event = event;
            runner.confirmed_record = Some(Box::new(record.clone()));
        }
    }

    fn updated(&mut self, update: StatusUpdate) {
        if let Some(task) = self.tasks.get_mut(&update.task) {
            let latest = task.latest.as_ref().map_or(0, |latest| latest.number);
            if update.number > latest {
                if update.state.is_terminal() {
                    task.outputs_pending = None;
                }
                task.latest = Some(update.clone());
                task.unacknowledged.push(update);
            }
        }
    }

    fn acknowledged(&mut self, key: &TaskKey, number: u64) {
        if let Some(task) = self.tasks.get_mut(key) {
            task.acknowledged_number = task.acknowledged_number.max(number);
            task.unacknowledged.retain(|update| update.number > number);
        }
    }
}
