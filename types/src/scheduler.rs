//! What schedulers and the master say to each other: calls to the master, events from it.
//!
//! The verbs are those of Mesos' v1 scheduler API; what is added is that every call that is not
//! carried out is answered by [`Event::Refused`].

use std::time::Duration;

use crate::{
    AgentId, FrameworkId, FrameworkInfo, MasterInfo, Offer, OfferFilter, OfferId, Role,
    StatusUpdate, TaskId, TaskInfo,
};

/// A call and its number on this stream, by which a refusal names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedCall {
    /// Chosen by the scheduler; the SDK counts from 1.
    pub call_id: u64,
    /// What it wants.
    pub call: Call,
}

/// What a scheduler may ask of the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// The first call on a stream: who this is. With an id it is a return.
    Subscribe {
        /// What the framework says of itself.
        framework: FrameworkInfo,
        /// The id that an earlier subscription was given.
        framework_id: Option<FrameworkId>,
        /// Roles that want no offers for now.
        suppressed_roles: Vec<Role>,
    },
    /// End the framework: its tasks are killed, its id is never valid again.
    Teardown,
    /// Use offers, all of one agent and one role, for operations, in order.
    Accept {
        /// The offers; each is used up, whatever becomes of the operations.
        offer_ids: Vec<OfferId>,
        /// What to do with them.
        operations: Vec<Operation>,
        /// For what is left over.
        filter: OfferFilter,
    },
    /// Give offers back.
    Decline {
        /// The offers.
        offer_ids: Vec<OfferId>,
        /// How long not to offer the same again.
        filter: OfferFilter,
    },
    /// Want offers again, and drop all decline filters. No roles means all.
    Revive {
        /// For which roles.
        roles: Vec<Role>,
    },
    /// Want no offers for now. No roles means all.
    Suppress {
        /// For which roles.
        roles: Vec<Role>,
    },
    /// End a task.
    Kill {
        /// Which.
        task_id: TaskId,
        /// How long it may take if its module exports `stoker_stop`; the agent's default if absent.
        /// At most [`limit::KILL_GRACE_SECONDS`](crate::limit::KILL_GRACE_SECONDS).
        grace: Option<Duration>,
    },
    /// Say that an update, and all of this task before it, has been taken care of.
    Acknowledge {
        /// Whose agent's.
        agent_id: AgentId,
        /// Which task's.
        task_id: TaskId,
        /// Up to and including this number.
        number: u64,
    },
    /// Ask for the state of these tasks, or of all that the master knows if none is named.
    Reconcile {
        /// Which.
        tasks: Vec<TaskId>,
    },
    /// Data for the executor of a task. Refused: no task has an executor so far.
    Message {
        /// Where the task runs.
        agent_id: AgentId,
        /// Which task's executor.
        task_id: TaskId,
        /// The framework's own: at most [`FRAMEWORK_MESSAGE_BYTES`](crate::limit::FRAMEWORK_MESSAGE_BYTES).
        data: Vec<u8>,
    },
}

impl Call {
    /// The verb, as metrics and logs show it.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "subscribe",
            Self::Teardown => "teardown",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Revive { .. } => "revive",
            Self::Suppress { .. } => "suppress",
            Self::Kill { .. } => "kill",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Reconcile { .. } => "reconcile",
            Self::Message { .. } => "message",
        }
    }
}

/// What an accept does with the resources of its offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Run tasks.
    Launch {
        /// In order; each is judged by itself.
        tasks: Vec<TaskInfo>,
    },
}

/// What the master tells a scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first event on a stream.
    Subscribed {
        /// The framework's id, from now on and for ever.
        framework_id: FrameworkId,
        /// How often a heartbeat comes when nothing else does.
        heartbeat_interval: Duration,
        /// Who speaks.
        master: MasterInfo,
    },
    /// Resources to use or to give back.
    Offers(Vec<Offer>),
    /// An offer is not valid any more.
    Rescind {
        /// Which.
        offer_id: OfferId,
    },
    /// A task went a step further.
    Update(StatusUpdate),
    /// A call was not carried out; nothing of it was.
    Refused {
        /// Which call.
        call_id: u64,
        /// Why, and what would be right.
        message: String,
    },
    /// Nothing new; the stream is alive.
    Heartbeat,
    /// The stream ends: subscribe anew if `retry`, give up otherwise.
    Error {
        /// Why.
        message: String,
        /// Whether a new subscription may succeed.
        retry: bool,
    },
}
