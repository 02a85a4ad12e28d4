//! Why a peer's call is refused, in the words that the peer reads.
//!
//! Owns the texts: what was wrong, and what would be right. Never says who is told, or how.

use stoker_types::{AgentId, FrameworkId, OfferId, Resources, Role, TaskId};

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    // ---- Subscriptions. ----
    #[error("{verb} comes before the subscription: subscribe first")]
    NotSubscribed { verb: &'static str },
    #[error("the stream is subscribed already: open another one to subscribe anew")]
    AlreadySubscribed,
    #[error("the subscription is not confirmed yet: wait for the event `subscribed`")]
    StillAdmitting,
    #[error("framework {0} is being removed: nothing can be asked for it any more")]
    BeingRemoved(FrameworkId),
    #[error("framework {0} is over, and its id is never valid again: subscribe without an id")]
    Removed(FrameworkId),
    #[error("framework {0} is not known here: subscribe without an id")]
    FrameworkUnknown(FrameworkId),
    #[error(
        "framework {framework_id} belongs to principal {owner:?}, which cannot change: subscribe \
         as it, or without an id"
    )]
    PrincipalDiffers {
        framework_id: FrameworkId,
        owner: String,
    },
    #[error("a framework's name has 1 to 256 bytes and no control characters; this one is {0:?}")]
    NameInvalid(String),
    #[error("a framework has 1 to 64 roles; this one names {0}")]
    RoleCount(usize),
    #[error("role {0} is named twice")]
    RoleTwice(Role),
    #[error("a failover timeout is at most 365 days")]
    FailoverTimeoutTooLong,
    // ---- Roles. ----
    #[error("role {0} is not one of the framework's: name its own, or none for all")]
    RoleForeign(Role),
    // ---- Offers. ----
    #[error("no offer is named")]
    NoOffer,
    #[error("at most {limit} {what} may be named at once; here are {count}")]
    TooMany {
        what: &'static str,
        count: usize,
        limit: usize,
    },
    #[error("{0} is named twice")]
    OfferTwice(OfferId),
    #[error("{0} is not one of the framework's offers: it was used, given back, or never made")]
    OfferUnknown(OfferId),
    #[error("{0} is not valid any more: nobody answered it in time")]
    OfferExpired(OfferId),
    #[error("{0} is not valid any more: its agent disconnected")]
    OfferAgentLost(OfferId),
    #[error("{0} and {1} are of different agents: use each agent's offers by themselves")]
    OffersOfDifferentAgents(OfferId, OfferId),
    #[error("{0} and {1} are of different roles: use each role's offers by themselves")]
    OffersOfDifferentRoles(OfferId, OfferId),
    // ---- Tasks. ----
    #[error("task {0} is not known here")]
    TaskUnknown(TaskId),
    #[error("task {task_id} is not known yet: agents are still returning; ask again later")]
    TaskUnknownYet { task_id: TaskId },
    #[error("task {task_id} is on {is_on}, not on {named}")]
    TaskElsewhere {
        task_id: TaskId,
        is_on: AgentId,
        named: AgentId,
    },
    #[error("task {task_id} has made {latest} updates; number {number} is not one of them")]
    UpdateUnknown {
        task_id: TaskId,
        number: u64,
        latest: u64,
    },
    #[error(
        "task {0} cannot hear messages: only an executor could, and this version has none; give \
         the task its data when it is launched (arguments, environment, stdin, inputs), and read \
         what it answers from its outputs"
    )]
    NoExecutor(TaskId),
    // ---- Agents. ----
    #[error("{verb} comes before the registration: register first")]
    NotRegistered { verb: &'static str },
    #[error("the stream is registered already: open another one to register anew")]
    AlreadyRegistered,
    #[error("task {task} was told twice")]
    ToldTwice { task: String },
    #[error("task {task} was told with {problem}")]
    ToldNonsense { task: String, problem: &'static str },
    #[error(
        "the tasks on this agent hold {used}, but it sells only {total}: let it sell at least \
         what they hold, or end them first"
    )]
    SellsLessThanUsed { used: String, total: Resources },
    #[error("an update of task {task} was told with {problem}")]
    UpdateNonsense { task: String, problem: &'static str },
    #[error("task {task} is not known to run here: register again and tell all tasks")]
    UpdateOfUnknownTask { task: String },
    // ---- Bounds. ----
    #[error(
        "the limit `{name}` of {limit} is reached: try again when there are fewer, or have the \
         operator raise it"
    )]
    LimitReached { name: &'static str, limit: usize },
    // ---- The rim. ----
    #[error("{0}")]
    Unreadable(String),
}
