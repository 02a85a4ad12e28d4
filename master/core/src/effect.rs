//! All that a master may want done.
//!
//! Owns the closed list of effects. They are carried out in order by the driver; none of them
//! returns anything but through an [`crate::Input`].

use stoker_types::{
    AgentId, FrameworkId, FrameworkInfo, Offer, OfferId, OutputFile, Reason, Resources, Role,
    TaskInfo, TaskKey, TaskState, TaskUsage, Timestamp, Usage,
    agent::{AgentEvent, AgentInfo, RunnerInfo},
    scheduler::Event,
};

use crate::input::{ConnectionId, RequestId};

/// One thing to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell a scheduler. Where its stream is gone or full, the driver ends the stream.
    ToScheduler {
        /// On which stream.
        connection: ConnectionId,
        /// What.
        event: Event,
    },
    /// Tell an agent. Where its stream is gone or full, the driver ends the stream.
    ToAgent {
        /// On which stream.
        connection: ConnectionId,
        /// What.
        event: AgentEvent,
    },
    /// End a scheduler's or an agent's stream, after what was told before.
    Disconnect {
        /// Which.
        connection: ConnectionId,
    },
    /// Write to the registry. Answered, in order, by [`crate::Input::Persisted`].
    Persist {
        /// Counts from 1.
        sequence: u64,
        /// What to write.
        operation: RegistryOperation,
    },
    /// Answer an operator.
    Reply {
        /// Which request.
        request: RequestId,
        /// Done (or on its way), or why not.
        result: Result<(), OperatorRefusal>,
    },
    /// The read model is to show this.
    Changed(Change),
}

/// Why an operator's request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorRefusal {
    /// There is no such task.
    #[error("no task {0} is known; `stoker task list` shows those that are")]
    TaskUnknown(TaskKey),
    /// There is no such framework.
    #[error("no framework {0} is known; `stoker framework list` shows those that are")]
    FrameworkUnknown(FrameworkId),
    /// The task is over.
    #[error("task {task} is over: {state}")]
    TaskEnded {
        /// Which.
        task: TaskKey,
        /// Its end.
        state: TaskState,
    },
    /// The task's agent cannot be asked.
    #[error("agent {0} is not connected; try again when `stoker agent list` shows it as active")]
    AgentUnavailable(AgentId),
}

/// A change of what must not be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryOperation {
    /// An agent is admitted, or what is known of it changed.
    PutAgent(AgentRecord),
    /// A framework is admitted, or what is known of it changed. Never an ephemeral one.
    PutFramework(FrameworkRecord),
    /// A framework is over.
    RemoveFramework(FrameworkId),
}

/// An admitted agent in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRecord {
    /// As it last introduced itself.
    pub agent: AgentInfo,
    /// Since when it is out of reach, if it is.
    pub unreachable_since: Option<Timestamp>,
}

/// A framework in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkRecord {
    /// Its id.
    pub id: FrameworkId,
    /// As it last introduced itself.
    pub framework: FrameworkInfo,
    /// When it is removed if its scheduler has not come back, while it is away.
    pub failover_deadline: Option<Timestamp>,
}

/// A change that readers see.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An agent is new or different.
    Agent(Box<AgentView>),
    /// A framework is new or different.
    Framework(Box<FrameworkView>),
    /// A framework is forgotten.
    FrameworkForgotten(FrameworkId),
    /// A task is new or different.
    Task(Box<TaskView>),
    /// A task has used more, and is the same in all else.
    Usage(TaskUsage),
    /// A task is forgotten.
    TaskForgotten(TaskKey),
    /// An offer is out.
    Offer(Box<OfferView>),
    /// An offer is used, given back or withdrawn.
    OfferRemoved(OfferId),
}

/// Whether an agent can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentState {
    /// It tells its tasks; nothing is offered yet.
    Registering,
    /// It is connected and offered.
    Active,
    /// Its stream is over and its time to return is not.
    Disconnected,
    /// It did not return in time.
    Unreachable,
}

/// An agent as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentView {
    /// As it introduced itself.
    pub agent: AgentInfo,
    /// Whether it can be used.
    pub state: AgentState,
    /// What its tasks hold.
    pub used: Resources,
    /// What is in offers.
    pub offered: Resources,
    /// Its runner processes.
    pub runners: Vec<RunnerInfo>,
    /// When it last registered.
    pub registered_at: Option<Timestamp>,
}

/// Whether a framework's scheduler is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameworkState {
    /// It is.
    Active,
    /// It is away; its tasks go on until its failover timeout.
    Disconnected,
    /// It is over.
    Completed,
}

/// A framework as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameworkView {
    /// Its id.
    pub id: FrameworkId,
    /// As it introduced itself.
    pub framework: FrameworkInfo,
    /// Whether its scheduler is there.
    pub state: FrameworkState,
    /// When it first subscribed, as far as this master knows.
    pub registered_at: Timestamp,
    /// Since when it is away, if it is.
    pub disconnected_at: Option<Timestamp>,
}

/// A task as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// Its key.
    pub key: TaskKey,
    /// In which role.
    pub role: Role,
    /// On which agent.
    pub agent_id: AgentId,
    /// What was launched.
    pub task: TaskInfo,
    /// What it is charged.
    pub allocated: Resources,
    /// Where it is in its life.
    pub state: TaskState,
    /// Why.
    pub reason: Option<Reason>,
    /// For people.
    pub message: String,
    /// What it exited with.
    pub exit_code: Option<i32>,
    /// What it used.
    pub usage: Usage,
    /// What it left in the blob store, without content.
    pub outputs: Vec<OutputFile>,
    /// When the master accepted it.
    pub created_at: Timestamp,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// An offer as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferView {
    /// The offer.
    pub offer: Offer,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is rescinded if nobody has answered.
    pub expires_at: Timestamp,
}
