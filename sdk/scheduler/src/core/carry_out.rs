//! Carrying out what a callback wrote: the checks that need no master, and the calls.
//!
//! Owns the rules of a valid call on this side. What breaks one is answered as the master would
//! answer it, so that an author has one path for both.

use std::{collections::BTreeSet, time::Duration};

use stoker_types::{
    AgentId, ModuleReference, OfferFilter, OfferId, Reason, TaskId, TaskInfo, Timestamp, limit,
    scheduler::{Call, Operation},
};

use super::{Output, session::Session};
use crate::{Calls, Refusal, calls::Wish};

/// What a launch may weigh, so that it fits into one batch on the wire with room to spare.
const LAUNCH_BYTES: usize = limit::BATCH_BYTES * 3 / 4;

impl Session {
    /// Carries out what a callback wrote, and empties the buffer.
    pub(super) fn carry_out(
        &mut self,
        now: Timestamp,
        calls: &mut Calls,
        outputs: &mut Vec<Output>,
    ) {
        calls.open.clear();
        self.ending = self.ending.max(calls.ending.take());
        for wish in std::mem::take(&mut calls.wishes) {
            let is_heard = self.connection.is_subscribed();
            match wish {
                Wish::Accept {
                    offer_ids,
                    tasks,
                    filter,
                } => self.accept(&offer_ids, tasks, filter, outputs),
                Wish::Decline { offer_ids, filter } => self.decline(&offer_ids, filter, outputs),
                Wish::Revive(roles) => {
                    let call = self.demand.revive(roles, is_heard);
                    self.say(call, outputs);
                }
                Wish::Suppress(roles) => {
                    let call = self.demand.suppress(roles, is_heard);
                    self.say(call, outputs);
                }
                Wish::Kill(task_id, grace) => self.kill(now, (&task_id, grace), outputs),
                Wish::Reconcile(tasks) => self.reconcile(now, tasks, outputs),
                Wish::ReconcileAll => {
                    let call = self.demand.ask_for_all(is_heard);
                    self.say(call, outputs);
                }
                Wish::Message {
                    agent_id,
                    task_id,
                    data,
                } => self.message(agent_id, task_id, data, outputs),
            }
        }
    }

    fn say(&mut self, call: Option<Call>, outputs: &mut Vec<Output>) {
        if let Some(call) = call {
            self.send(call, outputs);
        }
    }

    fn accept(
        &mut self,
        offer_ids: &[OfferId],
        tasks: Vec<TaskInfo>,
        filter: OfferFilter,
        outputs: &mut Vec<Output>,
    ) {
        let mut tasks = self.refuse_reused(tasks);
        let checked = self.offers.common_agent(offer_ids).and_then(|agent_id| {
            if offer_ids.len() > limit::OFFERS_PER_CALL {
                return Err(format!("more than {} offers", limit::OFFERS_PER_CALL));
            }
            Ok(agent_id)
        });
        let agent_id = match checked {
            Ok(agent_id) => agent_id,
            Err(message) => {
                for task in tasks {
                    self.drop_locally(task.id, None, Reason::InvalidOffers, &message);
                }
                // Those that are open are used up all the same, and may be offered again at once.
                let filter = OfferFilter {
                    refuse: Duration::ZERO,
                };
                return self.decline(offer_ids, filter, outputs);
            }
        };
        let surplus = tasks.split_off(fitting_count(&tasks));
        for task in surplus {
            let message = format!(
                "one launch carries at most {} tasks and {LAUNCH_BYTES} bytes",
                limit::TASKS_PER_ACCEPT
            );
            self.drop_locally(task.id, Some(agent_id), Reason::InvalidOffers, &message);
        }
        if tasks.is_empty() {
            return self.decline(offer_ids, filter, outputs);
        }
        for offer_id in offer_ids {
            self.offers.close(*offer_id);
        }
        let task_ids: Vec<TaskId> = tasks.iter().map(|task| task.id.clone()).collect();
        let accept = Call::Accept {
            offer_ids: offer_ids.to_vec(),
            operations: vec![Operation::Launch { tasks }],
            filter,
        };
        let call_id = self.send(accept, outputs);
        for task_id in task_ids {
            self.tasks.launched(task_id, call_id, agent_id);
        }
    }

    /// Takes out tasks whose id is in use or was used. An update could not be told from one about
    /// the other task of that id, so they are refused instead of dropped.
    fn refuse_reused(&mut self, tasks: Vec<TaskInfo>) -> Vec<TaskInfo> {
        let mut seen = BTreeSet::new();
        let (new, reused): (Vec<TaskInfo>, Vec<TaskInfo>) = tasks
            .into_iter()
            .partition(|task| seen.insert(task.id.clone()) && !self.tasks.is_known(&task.id));
        for task in reused {
            self.local.refuse(Refusal {
                call_id: 0,
                verb: "accept",
                message: format!(
                    "{} was launched before: a task needs an id of its own",
                    task.id
                ),
                tasks: vec![task.id],
            });
        }
        new
    }

    fn decline(&mut self, offer_ids: &[OfferId], filter: OfferFilter, outputs: &mut Vec<Output>) {
        let open: Vec<OfferId> = offer_ids
            .iter()
            .copied()
            .filter(|offer_id| self.offers.close(*offer_id).is_some())
            .collect();
        for offer_ids in open.chunks(limit::OFFERS_PER_CALL) {
            let offer_ids = offer_ids.to_vec();
            self.send(Call::Decline { offer_ids, filter }, outputs);
        }
    }

    fn kill(
        &mut self,
        now: Timestamp,
        (task_id, grace): (&TaskId, Option<Duration>),
        outputs: &mut Vec<Output>,
    ) {
        if !self.tasks.has_ended(task_id) {
            self.kills.add(now, task_id, grace);
            self.resend(now, outputs);
        }
    }

    fn reconcile(&mut self, now: Timestamp, tasks: Vec<TaskId>, outputs: &mut Vec<Output>) {
        let unknown_end = |task_id: &TaskId| !self.tasks.has_ended(task_id);
        let tasks: Vec<TaskId> = tasks.into_iter().filter(unknown_end).collect();
        if !tasks.is_empty() {
            self.reconciliation.ask(now, tasks);
            self.resend(now, outputs);
        }
    }

    /// Sends a message now or never: one that waited would arrive after what its author said later.
    fn message(
        &mut self,
        agent_id: AgentId,
        task_id: TaskId,
        data: Vec<u8>,
        outputs: &mut Vec<Output>,
    ) {
        let size = data.len();
        let message = if size > limit::FRAMEWORK_MESSAGE_BYTES {
            format!(
                "a message holds at most {} bytes; this one has {size}",
                limit::FRAMEWORK_MESSAGE_BYTES
            )
        } else if !self.connection.is_subscribed() {
            "no master is there for now: send the message again when one is".to_owned()
        } else {
            let call = Call::Message {
                agent_id,
                task_id,
                data,
            };
            self.send(call, outputs);
            return;
        };
        self.local.refuse(Refusal {
            call_id: 0,
            verb: "message",
            message,
            tasks: Vec::new(),
        });
    }
}

/// How many of these tasks one launch may carry.
fn fitting_count(tasks: &[TaskInfo]) -> usize {
    let mut bytes = 0_usize;
    let fits = |task: &&TaskInfo| {
        bytes = bytes.saturating_add(most_bytes(task));
        bytes <= LAUNCH_BYTES
    };
    tasks
        .iter()
        .take(limit::TASKS_PER_ACCEPT)
        .take_while(fits)
        .count()
}

/// No less than what a task weighs on the wire: its texts and lists, each item with its framing,
/// and an allowance for all that has a fixed size.
fn most_bytes(task: &TaskInfo) -> usize {
    const FIXED: usize = 384;
    const FRAMING: usize = 16;
    const DIGEST: usize = 96;
    let texts = [&task.name, &task.program_name]
        .into_iter()
        .chain(&task.arguments)
        .chain(&task.outputs)
        .chain(task.inputs.iter().map(|input| &input.path))
        .chain(
            task.environment
                .iter()
                .flat_map(|variable| [&variable.name, &variable.value]),
        )
        .chain(task.resources.custom.keys());
    let texts: usize = texts.map(|text| text.len() + FRAMING).sum();
    let module = match &task.module {
        ModuleReference::Blob(_) => DIGEST,
        ModuleReference::File(path) => path.as_os_str().len() + FRAMING,
    };
    let ranges = task.resources.ports.ranges().len() * FRAMING;
    FIXED + task.id.as_str().len() + module + texts + task.inputs.len() * DIGEST + ranges
}
