//! The runner processes of this agent: started, found again, spoken to, and mourned.
//!
//! ```text
//!  driver ──▶ Runners ──orders──▶ supervise (a task a runner) ──frames, descriptors──▶ runner
//!  driver ◀──────inputs────────── supervise ◀──────frames, end of the process───────── runner
//! ```
//!
//! `process` starts and finds them, `spares` keeps some ready, `frames` and `sockets` connect them, `launch` says what a task
//! is told. Owns processes and connections. Which task runs where is the core's business, and so
//! is what becomes of the tasks of a lost runner.

mod events;
mod frames;
mod launch;
mod orders;
mod process;
mod sockets;
mod spares;
mod supervise;

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use stoker_agent_core::Input;
use stoker_types::{
    AgentId, GuestLimits, Milli, RunnerId, TaskKey,
    agent::Launch,
    runner::{CompiledKey, Order, Tenant},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    artifacts::CompiledModule,
    children::{Program, Spawner},
    governor::Governor,
};
use sockets::SocketFolder;
use spares::Spares;
use supervise::{Command, Supervisor};

/// What all runners of an agent have in common.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Which agent's they are.
    pub(crate) agent_id: AgentId,
    /// What they run.
    pub(crate) program: Program,
    /// What starts them.
    pub(crate) spawner: Spawner,
    /// `large` or `small`.
    pub(crate) memory_profile: &'static str,
    /// The tasks that each holds at once.
    pub(crate) slots: u32,
    /// What their guests may take from the host.
    pub(crate) limits: GuestLimits,
    /// How long they live without a daemon.
    pub(crate) orphan_timeout: Duration,
    /// The folder of their sockets.
    pub(crate) run: PathBuf,
    /// The folder of what they write to their stderr,
    pub(crate) logs: PathBuf,
    /// unless that is the daemon's own.
    pub(crate) inherit_stderr: bool,
    /// The folder of all tasks' sandboxes.
    pub(crate) sandboxes: PathBuf,
    /// How many are kept ready without a tenant.
    pub(crate) spare_runners: u32,
    /// Whether they end where the kernel does not confine them fully.
    pub(crate) require_hardening: bool,
}

/// All runners that this daemon speaks to.
#[derive(Debug)]
pub(crate) struct Runners {
    context: Arc<Context>,
    live: HashMap<RunnerId, mpsc::UnboundedSender<Command>>,
    supervisors: JoinSet<()>,
    /// Keeps runners ready.
    keeper: JoinSet<()>,
}

/// What every supervisor needs.
#[derive(Debug)]
struct Context {
    settings: Settings,
    sockets: SocketFolder,
    governor: Governor,
    inputs: mpsc::Sender<Input>,
    spares: Spares,
}

impl Runners {
    /// No runners yet; what they tell goes to `inputs`, and how busy they are to the governor.
    pub(crate) fn new(
        settings: Settings,
        governor: Governor,
        inputs: mpsc::Sender<Input>,
    ) -> io::Result<Self> {
        let sockets = SocketFolder::open(settings.run.clone())?;
        let context = Arc::new(Context {
            settings,
            sockets,
            governor,
            inputs,
            spares: Spares::default(),
        });
        spares::clear(&context);
        let mut keeper = JoinSet::new();
        if context.settings.spare_runners > 0 {
            keeper.spawn(spares::keep_ready(Arc::clone(&context)));
        }
        Ok(Self {
            context,
            live: HashMap::new(),
            supervisors: JoinSet::new(),
            keeper,
        })
    }

    /// Removes what is left of runners that the log does not know, the processes among it: these
    /// have no tasks, or their tasks are known to have ended.
    pub(crate) fn clear_strays(&self, known: &HashSet<RunnerId>) {
        for runner_id in self.context.sockets.noted_runners() {
            if !known.contains(&runner_id) {
                if let Some(stray) = process::find(&self.context, runner_id) {
                    tracing::warn!(%runner_id, "ending a runner that nobody knows");
                    stray.kill();
                }
                self.context.sockets.remove(runner_id);
            }
        }
    }

    /// Starts a tenant's runner. [`Input::RunnerReady`] or [`Input::RunnerLost`] follows.
    pub(crate) fn start(&mut self, runner_id: RunnerId, nonce: u64, tenant: Tenant) {
        let supervisor = self.supervisor(runner_id, nonce);
        self.supervisors.spawn(supervisor.start(tenant));
    }

    /// Finds a runner of an earlier daemon again. The same follows.
    pub(crate) fn adopt(&mut self, runner_id: RunnerId, nonce: u64, confirmed_event: u64) {
        let supervisor = self.supervisor(runner_id, nonce);
        self.supervisors.spawn(supervisor.adopt(confirmed_event));
    }

    fn supervisor(&mut self, runner_id: RunnerId, nonce: u64) -> Supervisor {
        // Unbounded, because the driver must never wait for a runner: it is bounded by what the
        // core asks of one runner, a launch and a kill for each of its tasks.
        let (sender, commands) = mpsc::unbounded_channel();
        self.live.insert(runner_id, sender);
        Supervisor::new(Arc::clone(&self.context), runner_id, nonce, commands)
    }

    /// Hands a task to a runner.
    pub(crate) fn launch(
        &self,
        runner_id: RunnerId,
        launch: Box<Launch>,
        (key, module): (CompiledKey, Option<Arc<CompiledModule>>),
        stdin: Option<String>,
    ) {
        self.send(
            runner_id,
            Command::Launch {
                launch,
                key,
                module,
                stdin,
            },
        );
    }

    /// Has a runner end a task, after this grace at the latest.
    pub(crate) fn kill(&self, runner_id: RunnerId, task: TaskKey, grace: Duration) {
        self.send(runner_id, Command::Order(Order::Kill { task, grace }));
    }

    /// The tasks of a runner have so many cpus together.
    pub(crate) fn guarantee(&self, runner_id: RunnerId, cpus: Milli) {
        self.context.governor.guarantee(runner_id, cpus);
    }

    /// Tells a runner which of its events are safe.
    pub(crate) fn confirm(&self, runner_id: RunnerId, event: u64) {
        self.send(runner_id, Command::Order(Order::Confirm { event }));
    }

    /// Ends a runner. [`Input::RunnerLost`] follows.
    pub(crate) fn stop(&self, runner_id: RunnerId) {
        self.send(runner_id, Command::Order(Order::Shutdown));
    }

    fn send(&self, runner_id: RunnerId, command: Command) {
        // One that is not there, or whose supervisor has ended, is lost: an input says so.
        if let Some(sender) = self.live.get(&runner_id) {
            drop(sender.send(command));
        }
    }

    /// A runner is over, and the core knows.
    pub(crate) fn forget(&mut self, runner_id: RunnerId) {
        self.live.remove(&runner_id);
        self.context.governor.left(runner_id);
        while self.supervisors.try_join_next().is_some() {}
    }

    /// Kills every runner that is left, and waits for their ends.
    pub(crate) async fn kill_all(mut self, deadline: Instant) {
        self.keeper.abort_all();
        for sender in self.live.values() {
            drop(sender.send(Command::KillProcess));
        }
        drop(timeout_at(deadline, self.context.spares.kill_all(&self.context)).await);
        drop(
            timeout_at(deadline, async {
                while self.supervisors.join_next().await.is_some() {}
            })
            .await,
        );
    }
}
