//! The loop that owns the core: what happens goes in, what is to be done comes out.
//!
//! ```text
//!  master, runners, artifacts ──inputs──▶ ┌──────┐ ──effects──▶ master, runners, artifacts,
//!  checkpoint log ──────progress────────▶ │ core │              transfers
//!  clock ───────────────tick────────────▶ └──────┘ ──records──▶ checkpoint log, in one group
//! ```
//!
//! Up to 1,024 inputs are handled at once, and all their records are written as one group. The
//! loop waits for nothing but its inputs, and for the log when that is far behind: everything that
//! effects go to takes them without waiting, and the log answers through a value that it never
//! waits to set, so that no circle of full queues can stand still.

mod effects;

use std::{future::pending, sync::Arc, time::Duration};

use stoker_agent_core::{Agent, Effect, Input, View};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{
    AgentError, StopRequest,
    artifacts::Artifacts,
    checkpoint::{CheckpointLog, Entry},
    clock::Clock,
    known_tasks::KnownTasks,
    master_client::MasterClient,
    outputs::Uploads,
    runners::Runners,
    transfer::Transfers,
};

/// The inputs that are handled before their records are written.
const INPUTS: usize = 1024;
/// What readers see is at most this old.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// The last words to the master may take this long.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);
/// So may the ends of killed runners.
const RUNNERS_END_WITHIN: Duration = Duration::from_secs(2);

/// All that effects go to.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The agent's memory.
    pub(crate) log: CheckpointLog,
    /// The stream to the master.
    pub(crate) master: MasterClient,
    /// What tasks need.
    pub(crate) artifacts: Artifacts,
    /// What tasks leave.
    pub(crate) uploads: Uploads,
    /// Who runs tasks.
    pub(crate) runners: Runners,
    /// Who reads their output.
    pub(crate) transfers: Transfers,
    /// Which tasks there are, for readers.
    pub(crate) known_tasks: Arc<KnownTasks>,
}

/// The loop and its core.
#[derive(Debug)]
pub(crate) struct Driver {
    agent: Agent,
    clock: Clock,
    parts: Parts,
    /// The records of the present drain.
    group: Vec<Entry>,
    view: watch::Sender<View>,
    published: Instant,
    exit: Option<Exit>,
    ends_tasks: bool,
}

/// The core has ended.
#[derive(Debug)]
struct Exit {
    failure: Option<String>,
}

impl Driver {
    /// A driver for `agent`; what it looks like is shown in `view`.
    pub(crate) fn new(agent: Agent, clock: Clock, parts: Parts, view: watch::Sender<View>) -> Self {
        Self {
            agent,
            clock,
            parts,
            group: Vec::new(),
            view,
            published: Instant::now(),
            exit: None,
            ends_tasks: false,
        }
    }

    /// Runs until the core ends. `effects` are those of its making.
    ///
    /// # Errors
    /// If the master refuses the agent for good, or the log cannot be written.
    pub(crate) async fn run(
        mut self,
        effects: Vec<Effect>,
        mut inputs: mpsc::Receiver<Input>,
        mut stops: mpsc::Receiver<StopRequest>,
    ) -> Result<(), AgentError> {
        let mut progress = self.parts.log.progress();
        let mut gathered = Vec::with_capacity(INPUTS);
        let mut is_published = false;
        self.carry_out(effects);
        self.commit().await;
        while self.exit.is_none() {
            let deadline = self
                .agent
                .deadline()
                .map(|deadline| self.clock.instant(deadline));
            let publish = (!is_published).then(|| self.published + PUBLISH_EVERY);
            tokio::select! {
                biased;
                Some(stop) = stops.recv() => gathered.push(self.stop(stop)),
                Ok(()) = progress.changed() => {
                    let progress = progress.borrow_and_update().clone();
                    if let Some(message) = progress.failure {
                        return Err(AgentError::Checkpoint { message });
                    }
                    gathered.push(Input::Persisted { sequence: progress.persisted });
                    if progress.written > progress.persisted {
                        gathered.push(Input::Written { sequence: progress.written });
                    }
                }
                () = at(deadline) => gathered.push(Input::Tick),
                () = at(publish) => {
                    self.publish();
                    is_published = true;
                    continue;
                }
                // Its senders live in the parts, as long as the driver does.
                _ = inputs.recv_many(&mut gathered, INPUTS) => {}
            }
            self.handle(&mut gathered);
            self.commit().await;
            is_published = false;
        }
        self.end().await
    }

    fn stop(&mut self, request: StopRequest) -> Input {
        let kill_tasks = match request {
            StopRequest::Leave => false,
            StopRequest::EndTasks => true,
        };
        self.ends_tasks = kill_tasks;
        Input::Stop { kill_tasks }
    }

    /// Has the core handle what has gathered.
    fn handle(&mut self, gathered: &mut Vec<Input>) {
        let mut effects = Vec::new();
        for input in gathered.drain(..) {
            let over = Over::of(&input);
            self.agent.handle(self.clock.now(), input, &mut effects);
            match over {
                Some(Over::Preparation(task)) => self.parts.artifacts.prepared(&task),
                Some(Over::Upload(task)) => self.parts.uploads.uploaded(&task),
                Some(Over::Runner(runner_id)) => self.parts.runners.forget(runner_id),
                None => {}
            }
            self.carry_out(std::mem::take(&mut effects));
        }
    }

    /// Has all records of the drain written, and the log shortened if it asks for that.
    async fn commit(&mut self) {
        if !self.group.is_empty() {
            self.parts.log.append(std::mem::take(&mut self.group)).await;
        }
        if self.parts.log.wants_snapshot() {
            self.parts.log.replace(self.agent.snapshot()).await;
        }
    }

    fn publish(&mut self) {
        self.view.send_replace(self.agent.view());
        self.published = Instant::now();
    }

    async fn end(self) -> Result<(), AgentError> {
        let failure = self.exit.and_then(|exit| exit.failure);
        let Parts {
            log,
            master,
            runners,
            ..
        } = self.parts;
        master.close(FAREWELL_WITHIN).await;
        if self.ends_tasks || failure.is_some() {
            runners.kill_all(Instant::now() + RUNNERS_END_WITHIN).await;
        }
        let closed = tokio::task::spawn_blocking(move || log.close())
            .await
            .unwrap_or_else(|error| Err(error.to_string()));
        match failure {
            Some(message) => Err(AgentError::Ended { message }),
            None => closed.map_err(|message| AgentError::Checkpoint { message }),
        }
    }
}

/// What is over with an input, once the core has heard of it.
enum Over {
    Preparation(stoker_types::TaskKey),
    Upload(stoker_types::TaskKey),
    Runner(stoker_types::RunnerId),
}

impl Over {
    fn of(input: &Input) -> Option<Self> {
        match input {
            Input::Prepared { task, .. } => Some(Self::Preparation(task.clone())),
            Input::OutputsUploaded { task, .. } => Some(Self::Upload(task.clone())),
            Input::RunnerLost { runner_id, .. } => Some(Self::Runner(*runner_id)),
            _ => None,
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
