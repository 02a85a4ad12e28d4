//! All that an agent may want done.
//!
//! Owns the closed list of effects. They are carried out in order by the driver; none of them
//! returns anything but through an [`crate::Input`].

use std::time::Duration;

use stoker_types::{
    AgentId, Milli, Reason, RunnerId, StatusUpdate, TaskKey, Usage,
    agent::{AgentCall, Launch, TransferRequest},
    runner::{CompiledKey, Tenant},
};

use crate::input::ConnectionId;

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the master.
    ToMaster {
        /// On which stream.
        connection: ConnectionId,
        /// What.
        call: AgentCall,
    },
    /// End the stream to the master; the driver dials again.
    Disconnect {
        /// Which.
        connection: ConnectionId,
    },
    /// Write to the checkpoint log. Answered, in order, by [`crate::Input::Persisted`].
    Persist {
        /// Counts from 1.
        sequence: u64,
        /// What to write.
        record: Record,
        /// What it must survive before the answer.
        durability: Durability,
    },
    /// Fetch, compile and put into its sandbox what a task needs. Answered by [`crate::Input::Prepared`].
    Prepare {
        /// Which task's.
        task: TaskKey,
        /// Its launch.
        launch: Box<Launch>,
    },
    /// A task that is being prepared, or was prepared and not launched yet, is not to run; no
    /// answer is wanted any more.
    CancelPrepare {
        /// Which.
        task: TaskKey,
    },
    /// Start a runner. Answered by [`crate::Input::RunnerReady`] or [`crate::Input::RunnerLost`].
    StartRunner {
        /// Its id.
        runner_id: RunnerId,
        /// What it must be told to be believed.
        nonce: u64,
        /// Whom it works for.
        tenant: Tenant,
    },
    /// Find a runner of an earlier daemon again, and have it repeat its events after this one.
    /// Answered like [`Effect::StartRunner`].
    AdoptRunner {
        /// Its id.
        runner_id: RunnerId,
        /// What it was told at its start.
        nonce: u64,
        /// The last event that is safe.
        confirmed_event: u64,
    },
    /// Hand a task to a runner, and its module first if the runner does not have it.
    Launch {
        /// Which runner.
        runner_id: RunnerId,
        /// What to run.
        launch: Box<Launch>,
        /// Its compiled module.
        module: CompiledKey,
        /// The file that holds its standard input, if it has one.
        stdin: Option<String>,
    },
    /// Upload what a task left at these paths of its sandbox. Answered by
    /// [`crate::Input::OutputsUploaded`], however long the master is away.
    UploadOutputs {
        /// Which task.
        task: TaskKey,
        /// Relative to its folder.
        paths: Vec<String>,
    },
    /// The outputs of a task are not wanted any more, nor is an answer.
    CancelUpload {
        /// Which.
        task: TaskKey,
    },
    /// Have a runner end a task.
    Kill {
        /// Which runner.
        runner_id: RunnerId,
        /// Which task.
        task: TaskKey,
        /// How long it may take, if it handles that; told again, the earlier end counts.
        grace: Duration,
    },
    /// What a runner's tasks are guaranteed together has changed: the governor is to know. Always
    /// before [`crate::Input::RunnerLost`].
    Guarantee {
        /// Which runner.
        runner_id: RunnerId,
        /// The cpus of its tasks.
        cpus: Milli,
    },
    /// A runner's events up to this one are safe.
    ConfirmEvent {
        /// Which runner.
        runner_id: RunnerId,
        /// The event.
        event: u64,
    },
    /// End a runner, with all that it still holds. Answered by [`crate::Input::RunnerLost`] when its
    /// process is gone.
    StopRunner {
        /// Which.
        runner_id: RunnerId,
    },
    /// Open a transfer stream to the master and send a task's output.
    Transfer(TransferRequest),
    /// A task is forgotten: nothing of it is needed any more but its sandbox, for its retention.
    Forgotten {
        /// Which.
        task: TaskKey,
    },
    /// End the daemon. The last effect: what comes before it is carried out first.
    Exit {
        /// Why, if not because it was told to.
        failure: Option<String>,
    },
}

/// What a record must survive before it has effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The death of the process: `write(2)` is enough.
    Written,
    /// The loss of power: synced to disk.
    Synced,
}

/// One line of the agent's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Who this agent is. Synced. Written at each start, after what the start itself changes: what
    /// a boot of the machine ended is in the log before that boot is, and what an earlier daemon
    /// wrote is synced before this one tells of it.
    Identity {
        /// Its id.
        agent_id: AgentId,
        /// The boot of the machine in which what follows is written.
        boot_id: String,
    },
    /// A task was taken on. Written.
    Launched(Box<Launch>),
    /// A runner is about to be started. Written.
    RunnerStarted {
        /// Its id.
        runner_id: RunnerId,
        /// What it must be told to be believed.
        nonce: u64,
        /// Whom it works for.
        tenant: Tenant,
    },
    /// A runner is over. Written.
    RunnerEnded {
        /// Which.
        runner_id: RunnerId,
    },
    /// A task is about to be handed to a runner: from here on it may have run. Written.
    HandedOver {
        /// Which task.
        task: TaskKey,
        /// To whom.
        runner_id: RunnerId,
    },
    /// A task is to end. Written.
    KillRequested {
        /// Which.
        task: TaskKey,
        /// Why.
        reason: Reason,
        /// How long it may take, if it handles that.
        grace: Duration,
    },
    /// A task went a step further. Written, or synced where the state is terminal.
    Update {
        /// The step.
        update: Box<StatusUpdate>,
        /// The runner event that it stems from, if it does.
        runner_event: Option<(RunnerId, u64)>,
    },
    /// A task has exited with 0, and its outputs are about to be uploaded. Written: after a boot of
    /// the machine nothing of it counts.
    OutputsPending {
        /// Which.
        task: TaskKey,
        /// What it used.
        usage: Usage,
        /// The runner event that says so, if that is to be remembered.
        runner_event: Option<(RunnerId, u64)>,
    },
    /// The framework has taken care of a task's updates up to this number. Written.
    Acknowledged {
        /// Which task's.
        task: TaskKey,
        /// The number.
        number: u64,
    },
    /// A task is over and everyone knows. Written.
    Forgotten {
        /// Which.
        task: TaskKey,
    },
}

impl Record {
    /// What this record must survive before it has effect.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        match self {
            Self::Identity { .. } => Durability::Synced,
            Self::Update { update, .. } if update.state.is_terminal() => Durability::Synced,
            Self::Update { .. }
            | Self::Launched(_)
            | Self::RunnerStarted { .. }
            | Self::RunnerEnded { .. }
            | Self::HandedOver { .. }
            | Self::KillRequested { .. }
            | Self::OutputsPending { .. }
            | Self::Acknowledged { .. }
            | Self::Forgotten { .. } => Durability::Written,
        }
    }
}
