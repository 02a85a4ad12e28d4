//! A task, and how far it is.
//!
//! Owns the data of a task; the verbs in `launch/`, `kill/` and `updates/` change it.

use std::time::Duration;

use stoker_types::{Reason, RunnerId, TaskKey, Usage, agent::Launch, runner::Tenant};

use crate::{PreparePhase, Prepared, updates::UpdateQueue};

/// How far a task is. Each phase carries only what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its launch is being written.
    Admitting,
    /// Its module and its inputs are being fetched, checked and compiled.
    Preparing { reached: Option<PreparePhase> },
    /// It can run as soon as its tenant's runner can take it.
    Waiting { prepared: Prepared },
    /// The intention to hand it over is being written.
    HandingOver {
        runner_id: RunnerId,
        prepared: Prepared,
    },
    /// The runner has it: it may have run.
    HandedOver { runner_id: RunnerId },
    /// It has exited with 0; its outputs are being uploaded, or will be when that is written.
    Uploading { usage: Usage },
    /// Its last update is made.
    Ended,
    /// Its last update is acknowledged, and that we forget it is being written.
    Forgetting,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) launch: Box<Launch>,
    pub(crate) phase: Phase,
    /// Whether its launch is in the log: until then nobody hears of it.
    pub(crate) is_written: bool,
    /// Whether the ledger counts it.
    pub(crate) is_charged: bool,
    pub(crate) kill: Option<Kill>,
    /// What it has used, as far as is known.
    pub(crate) usage: Usage,
    pub(crate) updates: UpdateQueue,
}

/// A task that was handed over is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) reason: Reason,
    /// How long it may take, if it handles that.
    pub(crate) grace: Duration,
    /// Whether that is in the log: only then the runner is told.
    pub(crate) is_written: bool,
}

impl Task {
    /// A task whose launch has just come in.
    pub(crate) fn new(launch: Box<Launch>) -> Self {
        Self {
            launch,
            phase: Phase::Admitting,
            is_written: false,
            is_charged: false,
            kill: None,
            usage: Usage::default(),
            updates: UpdateQueue::default(),
        }
    }

    pub(crate) fn key(&self) -> TaskKey {
        TaskKey {
            framework_id: self.launch.framework_id,
            task_id: self.launch.task.id.clone(),
        }
    }

    /// Whose runner it needs.
    pub(crate) fn tenant(&self) -> Tenant {
        Tenant {
            framework_id: self.launch.framework_id,
            role: self.launch.role.clone(),
        }
    }

    /// Whether its last update has been made.
    pub(crate) const fn has_ended(&self) -> bool {
        match self.phase {
            Phase::Admitting
            | Phase::Preparing { .. }
            | Phase::Waiting { .. }
            | Phase::HandingOver { .. }
            | Phase::HandedOver { .. }
            | Phase::Uploading { .. } => false,
            Phase::Ended | Phase::Forgetting => true,
        }
    }

    /// The runner that it was, or is being, handed to.
    pub(crate) const fn runner_id(&self) -> Option<RunnerId> {
        match self.phase {
            Phase::HandingOver { runner_id, .. } | Phase::HandedOver { runner_id } => {
                Some(runner_id)
            }
            Phase::Admitting
            | Phase::Preparing { .. }
            | Phase::Waiting { .. }
            | Phase::Uploading { .. }
            | Phase::Ended
            | Phase::Forgetting => None,
        }
    }
}
