//! The buffer that callbacks write their wishes into.
//!
//! Owns the wishes in their order and the making of task ids. Whether a wish can be carried out is
//! not decided here but by the core, when the callback has returned.

use std::time::Duration;

use stoker_types::{AgentId, IdGenerator, Offer, OfferFilter, OfferId, Role, TaskId, TaskInfo};

use crate::{Task, task};

/// What a scheduler wants of the master, in order.
///
/// Calls are carried out after the callback that was given the buffer has returned, in the order
/// in which they were written. They cost nothing to write: the driver sends them in batches.
#[derive(Debug)]
pub struct Calls {
    pub(crate) wishes: Vec<Wish>,
    /// The offers of this callback that are neither accepted nor declined yet.
    pub(crate) open: Vec<OfferId>,
    pub(crate) ending: Option<EndingWish>,
    ids: IdGenerator,
}

/// One call, before the core has looked at it.
#[derive(Debug)]
pub(crate) enum Wish {
    Accept {
        offer_ids: Vec<OfferId>,
        tasks: Vec<TaskInfo>,
        filter: OfferFilter,
    },
    Decline {
        offer_ids: Vec<OfferId>,
        filter: OfferFilter,
    },
    Revive(Vec<Role>),
    Suppress(Vec<Role>),
    Kill(TaskId, Option<Duration>),
    Reconcile(Vec<TaskId>),
    ReconcileAll,
    Message {
        agent_id: AgentId,
        task_id: TaskId,
        data: Vec<u8>,
    },
}

/// How a scheduler wants to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EndingWish {
    Stop,
    Teardown,
}

impl Calls {
    /// An empty buffer whose task ids are fixed by `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            wishes: Vec::new(),
            open: Vec::new(),
            ending: None,
            ids: IdGenerator::from_seed(seed),
        }
    }

    /// Runs `tasks` on the resources of `offer`, and says what they are called now.
    ///
    /// Each task is judged by itself: one that does not fit, or breaks a rule, ends
    /// `TASK_DROPPED` or `TASK_ERROR` while the others run. What is left of the offer goes back and
    /// is not offered to this framework again for 5 seconds. [`take_fitting`](crate::take_fitting)
    /// chooses what fits. At most [1,000](stoker_types::limit::TASKS_PER_ACCEPT) tasks go on one
    /// offer; further ones are dropped.
    pub fn launch<T: Into<Task>>(
        &mut self,
        offer: &Offer,
        tasks: impl IntoIterator<Item = T>,
    ) -> Vec<TaskId> {
        self.accept([offer.id], tasks)
    }

    /// Like [`launch`](Self::launch), with the resources of several offers together: all of the
    /// same agent and the same role.
    pub fn accept<T: Into<Task>>(
        &mut self,
        offer_ids: impl IntoIterator<Item = OfferId>,
        tasks: impl IntoIterator<Item = T>,
    ) -> Vec<TaskId> {
        self.accept_for(offer_ids, tasks, OfferFilter::default().refuse)
    }

    /// Like [`accept`](Self::accept); what is left over is not offered again for `refuse` (at most
    /// 365 days). Zero when more of it is wanted soon.
    pub fn accept_for<T: Into<Task>>(
        &mut self,
        offer_ids: impl IntoIterator<Item = OfferId>,
        tasks: impl IntoIterator<Item = T>,
        refuse: Duration,
    ) -> Vec<TaskId> {
        let offer_ids: Vec<OfferId> = offer_ids.into_iter().collect();
        self.open.retain(|offer_id| !offer_ids.contains(offer_id));
        let tasks: Vec<TaskInfo> = tasks
            .into_iter()
            .map(|task| task.into().into_info(&mut self.ids))
            .collect();
        let task_ids = tasks.iter().map(|task| task.id.clone()).collect();
        self.wishes.push(Wish::Accept {
            offer_ids,
            tasks,
            filter: OfferFilter { refuse },
        });
        task_ids
    }

    /// Gives an offer back; its resources are not offered to this framework again for 5 seconds.
    pub fn decline(&mut self, offer_id: OfferId) {
        self.decline_for(offer_id, OfferFilter::default().refuse);
    }

    /// Gives an offer back; its resources are not offered to this framework again for `refuse` (at
    /// most 365 days), unless it [revives](Self::revive).
    pub fn decline_for(&mut self, offer_id: OfferId, refuse: Duration) {
        self.open.retain(|open| *open != offer_id);
        let filter = OfferFilter { refuse };
        if let Some(Wish::Decline {
            offer_ids,
            filter: last,
        }) = self.wishes.last_mut()
            && *last == filter
        {
            offer_ids.push(offer_id);
        } else {
            self.wishes.push(Wish::Decline {
                offer_ids: vec![offer_id],
                filter,
            });
        }
    }

    /// Gives back what this callback was offered and has neither accepted nor declined, for 5
    /// seconds. A good last line of [`Scheduler::offers`](crate::Scheduler::offers).
    pub fn decline_rest(&mut self) {
        self.decline_rest_for(OfferFilter::default().refuse);
    }

    /// Like [`decline_rest`](Self::decline_rest), for another time.
    pub fn decline_rest_for(&mut self, refuse: Duration) {
        for offer_id in std::mem::take(&mut self.open) {
            self.decline_for(offer_id, refuse);
        }
    }

    /// Wants offers again in all roles, at once, whatever was declined for however long.
    pub fn revive(&mut self) {
        self.wishes.push(Wish::Revive(Vec::new()));
    }

    /// Like [`revive`](Self::revive), in these roles only.
    pub fn revive_roles(&mut self, roles: impl IntoIterator<Item = Role>) {
        let roles: Vec<Role> = roles.into_iter().collect();
        // No roles would mean all of them.
        if !roles.is_empty() {
            self.wishes.push(Wish::Revive(roles));
        }
    }

    /// Wants no offers for now, in no role. Remembered through reconnections.
    pub fn suppress(&mut self) {
        self.wishes.push(Wish::Suppress(Vec::new()));
    }

    /// Like [`suppress`](Self::suppress), in these roles only.
    pub fn suppress_roles(&mut self, roles: impl IntoIterator<Item = Role>) {
        let roles: Vec<Role> = roles.into_iter().collect();
        if !roles.is_empty() {
            self.wishes.push(Wish::Suppress(roles));
        }
    }

    /// Ends a task: `TASK_KILLED` follows, unless it ended by itself first.
    ///
    /// A task whose module exports `stoker_stop` is told by a call of that, and has 5 s to end by
    /// itself; any other one ends at once. Sent again with growing pauses, and after each
    /// reconnection, until the task has ended.
    pub fn kill(&mut self, task_id: &TaskId) {
        self.wishes.push(Wish::Kill(task_id.clone(), None));
    }

    /// The same with another time to end by itself: none at all if zero, at most 10 minutes. Where a
    /// task is killed again, the earlier end counts.
    pub fn kill_within(&mut self, task_id: &TaskId, grace: Duration) {
        let grace = grace.min(Duration::from_secs(stoker_types::limit::KILL_GRACE_SECONDS));
        self.wishes.push(Wish::Kill(task_id.clone(), Some(grace)));
    }

    /// Asks for the state of these tasks, again and again until each has been answered by an
    /// [`update`](crate::Scheduler::update).
    ///
    /// For a scheduler that was restarted and knows its tasks from its own notes: the tasks that
    /// were launched since are asked for without this.
    pub fn reconcile(&mut self, tasks: impl IntoIterator<Item = TaskId>) {
        let tasks: Vec<TaskId> = tasks.into_iter().collect();
        if !tasks.is_empty() {
            self.wishes.push(Wish::Reconcile(tasks));
        }
    }

    /// Asks once for the state of all tasks of this framework that the master knows: those that
    /// this scheduler has forgotten are among them.
    pub fn reconcile_all(&mut self) {
        self.wishes.push(Wish::ReconcileAll);
    }

    /// Sends data to the executor of a task: at most
    /// [64 KiB](stoker_types::limit::FRAMEWORK_MESSAGE_BYTES), and nothing says whether it arrived.
    ///
    /// No task has an executor so far, so every message ends in
    /// [`refused`](crate::Scheduler::refused), as one does that is too large or is sent while no
    /// master is there. What a task is to know, give it when it is launched: arguments,
    /// environment, stdin, inputs. What it answers is in its outputs.
    pub fn message(&mut self, agent_id: AgentId, task_id: &TaskId, data: impl Into<Vec<u8>>) {
        self.wishes.push(Wish::Message {
            agent_id,
            task_id: task_id.clone(),
            data: data.into(),
        });
    }

    /// A new task id, for a scheduler that writes down what it is about to launch; set it with
    /// [`Task::id`]. It is `prefix`, a dash and 13 random characters.
    pub fn new_task_id(&mut self, prefix: &str) -> TaskId {
        task::new_id(&mut self.ids, prefix)
    }

    /// Leaves: all calls before this one are sent, then the driver's [`run`](crate::Driver::run)
    /// returns. The framework lives on for its failover timeout, its tasks with it; with a timeout
    /// of zero both end with the connection.
    pub fn stop(&mut self) {
        self.ending = self.ending.max(Some(EndingWish::Stop));
    }

    /// Ends the framework for good and then leaves: its tasks are killed, its id is void. Without
    /// a connection, this waits for one.
    pub fn teardown(&mut self) {
        self.ending = self.ending.max(Some(EndingWish::Teardown));
    }
}
