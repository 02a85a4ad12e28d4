//! A framework that launches what it is told to, for a thread that waits.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use stoker_sdk_scheduler::{
    Calls, Driver, FrameworkId, Handle, Offer, Registration, Scheduler, StatusUpdate, Task, TaskId,
    TaskState, Timestamp,
};

/// A tenant of a cluster: a framework, whose tasks share a runner on each agent.
///
/// Modules are handed over as files, so the agents must be on this machine. The framework ends, and
/// its tasks with it, when this is dropped.
#[derive(Debug)]
pub struct Arena {
    handle: Handle<Command>,
    framework_id: FrameworkId,
    modules: tempfile::TempDir,
    thread: Option<thread::JoinHandle<()>>,
}

/// A task that was launched in an [`Arena`], and what becomes of it.
#[derive(Debug)]
pub struct Contender {
    handle: Handle<Command>,
    updates: mpsc::Receiver<(TaskId, StatusUpdate)>,
    /// Known with its first update.
    id: Option<TaskId>,
    has_ended: bool,
}

#[derive(Debug)]
enum Command {
    Launch(Box<Task>, mpsc::Sender<(TaskId, StatusUpdate)>),
    Kill(TaskId),
}

#[derive(Debug)]
struct Launcher {
    waiting: VecDeque<(Task, mpsc::Sender<(TaskId, StatusUpdate)>)>,
    running: BTreeMap<TaskId, mpsc::Sender<(TaskId, StatusUpdate)>>,
    registered: mpsc::Sender<FrameworkId>,
}

impl Scheduler for Launcher {
    type Command = Command;

    fn registered(&mut self, _: Timestamp, registration: &Registration, _: &mut Calls) {
        // Told once; a second registration has nobody who listens.
        self.registered
            .send(registration.framework_id)
            .unwrap_or_default();
    }

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let mut left = offer.resources.clone();
            let mut launched = Vec::new();
            for (task, updates) in std::mem::take(&mut self.waiting) {
                if let Some(rest) = left.checked_sub(task.needs()) {
                    left = rest;
                    let id = calls.new_task_id("task");
                    self.running.insert(id.clone(), updates);
                    launched.push(task.id(id));
                } else {
                    self.waiting.push_back((task, updates));
                }
            }
            calls.accept_for([offer.id], launched, Duration::ZERO);
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, _: &mut Calls) {
        let id = &update.task.task_id;
        if let Some(updates) = self.running.get(id) {
            // Nobody needs to listen.
            drop(updates.send((id.clone(), update.clone())));
        }
        if update.state.is_terminal() {
            self.running.remove(id);
        }
    }

    fn command(&mut self, _: Timestamp, command: Command, calls: &mut Calls) {
        match command {
            Command::Launch(task, updates) => {
                self.waiting.push_back((*task, updates));
                calls.revive();
            }
            Command::Kill(id) => calls.kill(&id),
        }
    }
}

impl Arena {
    /// A new framework of this name, at the master.
    ///
    /// # Errors
    /// If the master does not take it in within a minute.
    pub fn enter(master: &str, name: &str) -> anyhow::Result<Self> {
        let (registered, registration) = mpsc::channel();
        let launcher = Launcher {
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            registered,
        };
        let driver = Driver::builder(launcher)
            .master(master)
            .name(name)
            .ephemeral()
            .build()?;
        let handle = driver.handle();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::spawn(move || {
            // How it ended is told by what it did not do.
            drop(runtime.block_on(driver.run()));
        });
        let framework_id = registration
            .recv_timeout(Duration::from_secs(60))
            .with_context(|| format!("{master} did not take the framework {name} in"))?;
        Ok(Self {
            handle,
            framework_id,
            modules: tempfile::tempdir()?,
            thread: Some(thread),
        })
    }

    /// The framework.
    #[must_use]
    pub const fn framework_id(&self) -> FrameworkId {
        self.framework_id
    }

    /// A task of a quarter of a core that runs this module; `file_name` tells it from others.
    ///
    /// # Errors
    /// If the module cannot be written to a file.
    pub fn task(&self, file_name: &str, wasm: &[u8]) -> anyhow::Result<Task> {
        let path: PathBuf = self.modules.path().join(format!("{file_name}.wasm"));
        std::fs::write(&path, wasm)?;
        let reference = format!("file:{}", path.display());
        Ok(Task::new(reference.parse()?))
    }

    /// Launches a task as soon as an offer has room for it.
    ///
    /// # Errors
    /// If the framework has ended.
    pub fn launch(&self, task: Task) -> anyhow::Result<Contender> {
        let (sender, updates) = mpsc::channel();
        let launch = Command::Launch(Box::new(task), sender);
        self.handle.blocking_send(launch)?;
        Ok(Contender {
            handle: self.handle.clone(),
            updates,
            id: None,
            has_ended: false,
        })
    }

    /// Launches a task and waits for its end.
    ///
    /// # Errors
    /// If it has not ended `within` the time, or the framework has.
    pub fn run(&self, task: Task, within: Duration) -> anyhow::Result<StatusUpdate> {
        self.launch(task)?.wait(within)
    }
}

impl Contender {
    /// Waits until it runs.
    ///
    /// # Errors
    /// If it does not `within` the time, or has ended already.
    pub fn wait_until_it_runs(&mut self, within: Duration) -> anyhow::Result<()> {
        let update = self.wait_for(within, |state| {
            state == TaskState::Running || state.is_terminal()
        })?;
        if update.state.is_terminal() {
            bail!("it has ended: {update:?}");
        }
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it has not ended `within` the time, or the framework has.
    pub fn wait(&mut self, within: Duration) -> anyhow::Result<StatusUpdate> {
        self.wait_for(within, TaskState::is_terminal)
    }

    /// Waits until anything is heard of it, unless that was before: from then on it can be killed.
    ///
    /// # Errors
    /// If nothing is `within` the time.
    pub fn wait_until_heard(&mut self, within: Duration) -> anyhow::Result<()> {
        if self.id.is_none() {
            self.wait_for(within, |_| true)?;
        }
        Ok(())
    }

    /// Whether it has ended, as far as was waited for.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Asks for its end.
    ///
    /// # Errors
    /// If nothing was heard of it yet, or the framework has ended.
    pub fn kill(&self) -> anyhow::Result<()> {
        let id = self.id.clone().context("nothing was heard of it yet")?;
        Ok(self.handle.blocking_send(Command::Kill(id))?)
    }

    fn wait_for(
        &mut self,
        within: Duration,
        is_right: impl Fn(TaskState) -> bool,
    ) -> anyhow::Result<StatusUpdate> {
        let until = Instant::now() + within;
        let mut last = None;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok((id, update)) = self.updates.recv_timeout(left) else {
                return Err(anyhow!(
                    "not within {within:?}; its last update was {last:?}"
                ));
            };
            self.id = Some(id);
            self.has_ended |= update.state.is_terminal();
            if is_right(update.state) {
                return Ok(update);
            }
            last = Some(update);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        let stop = tokio::runtime::Builder::new_current_thread().build();
        if let Ok(runtime) = stop {
            // It may have ended by itself.
            runtime.block_on(handle.stop()).unwrap_or_default();
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
