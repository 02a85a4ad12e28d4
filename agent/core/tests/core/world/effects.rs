//! What the agent wants done: carried out as a driver would, and checked against the log.

use std::collections::{BTreeSet, VecDeque};

use stoker_agent_core::{Effect, Record};
use stoker_types::{RunnerId, TaskKey, agent::Launch, runner::Tenant};

use super::{Order, Process, World};
use crate::support::OUTPUT;

impl World {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ToMaster { connection, call } => {
                    assert_eq!(Some(connection), self.connection);
                    self.hear(call);
                }
                Effect::Disconnect { connection } => {
                    assert_eq!(Some(connection), self.connection);
                    self.connection = None;
                }
                Effect::Persist {
                    sequence, record, ..
                } => self.unwritten.push_back((sequence, record)),
                Effect::Prepare { task, .. } => {
                    assert!(self.preparing.insert(task), "prepared twice at once");
                }
                Effect::CancelPrepare { task } => {
                    self.preparing.remove(&task);
                }
                Effect::UploadOutputs { task, paths } => {
                    assert_eq!(paths, [OUTPUT]);
                    self.check_pending(&task);
                    assert!(self.uploading.insert(task), "uploaded twice at once");
                }
                Effect::CancelUpload { task } => {
                    self.uploading.remove(&task);
                }
                Effect::StartRunner {
                    runner_id,
                    nonce,
                    tenant,
                } => self.start_runner(runner_id, nonce, tenant),
                Effect::AdoptRunner {
                    runner_id,
                    nonce,
                    confirmed_event,
                } => self.adopt(runner_id, nonce, confirmed_event),
                Effect::Launch {
                    runner_id, launch, ..
                } => self.launch_on(runner_id, &launch),
                Effect::Kill {
                    runner_id, task, ..
                } => self.order(runner_id, Order::Kill(task)),
                Effect::ConfirmEvent { runner_id, event } => {
                    self.order(runner_id, Order::Confirm(event));
                }
                Effect::StopRunner { runner_id } => {
                    let process = self.runners.get(&runner_id);
                    let holds_tasks =
                        process.is_some_and(|process| process.has_answered && process.is_busy());
                    assert!(!holds_tasks, "a runner was stopped with its tasks");
                    self.runner_dies(runner_id);
                }
                Effect::Guarantee { .. } | Effect::Transfer(_) => {}
                Effect::Forgotten { task } => {
                    let known = &self.tasks[&task];
                    let is_removed = self.removed.contains(&task.framework_id);
                    assert!(
                        known.is_over() || is_removed,
                        "{task} is forgotten too early"
                    );
                }
                Effect::Exit { failure } => panic!("the agent left: {failure:?}"),
            }
        }
    }

    fn launch_on(&mut self, runner_id: RunnerId, launch: &Launch) {
        let task = TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        };
        let record = Record::HandedOver {
            task: task.clone(),
            runner_id,
        };
        let is_logged = self.disk.contains(&record);
        assert!(is_logged, "{task} ran before the log knew");
        self.order(runner_id, Order::Launch(task));
    }

    fn check_pending(&self, key: &TaskKey) {
        let is_it =
            |record: &Record| matches!(record, Record::OutputsPending { task, .. } if task == key);
        let is_logged = self.disk.iter().any(is_it);
        assert!(is_logged, "outputs were uploaded before the log knew");
    }

    pub(super) fn start_runner(&mut self, runner_id: RunnerId, nonce: u64, tenant: Tenant) {
        let is_logged = self.disk.iter().any(
            |record| matches!(record, Record::RunnerStarted { runner_id: id, .. } if *id == runner_id),
        );
        assert!(is_logged, "a runner was started before the log knew");
        let process = Process {
            nonce,
            tenant,
            has_answered: false,
            inbox: VecDeque::new(),
            tasks: BTreeSet::new(),
            events: VecDeque::new(),
            last_event: 0,
            delivered: 0,
        };
        assert!(self.runners.insert(runner_id, process).is_none());
    }

    pub(super) fn adopt(&mut self, runner_id: RunnerId, nonce: u64, confirmed_event: u64) {
        let Some(process) = self.runners.get_mut(&runner_id) else {
            self.deaths.push_back(runner_id);
            return;
        };
        assert_eq!(process.nonce, nonce);
        process
            .events
            .retain(|event| event.number > confirmed_event);
    }

    pub(super) fn order(&mut self, runner_id: RunnerId, order: Order) {
        if let Some(process) = self.runners.get_mut(&runner_id) {
            assert!(process.has_answered, "an order before the welcome");
            process.inbox.push_back(order);
        }
    }

    pub(super) fn runner_dies(&mut self, runner_id: RunnerId) {
        if self.runners.remove(&runner_id).is_some() {
            self.deaths.push_back(runner_id);
        }
    }
}
