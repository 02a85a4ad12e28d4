//! Carries out a daemon's orders: modules, launches, kills.

use std::{fs::File, path::PathBuf, sync::Arc, time::Duration};

use stoker_types::{
    Reason, TaskKey, Usage,
    runner::{Budget, CompiledKey, Event, Outcome, RunnerLaunch},
};
use tokio::runtime::Handle;

use super::{
    Settings, folders,
    tasks::{Live, Tasks},
};
use crate::{
    engine::CodeKind,
    executor::{self, Executor, LoadWatch, Share},
    ipc::Outbox,
    metering::Account,
    output::{FileSink, Output, Policy, Rotation},
    task::{Assignment, Bounds, Modules, Stdin, Unusable, arguments, environment},
};

/// The tasks of one runner.
#[derive(Debug)]
pub(super) struct Host {
    modules: Modules,
    executor: Executor,
    control: Handle,
    kind: CodeKind,
    slots: usize,
    outbox: Arc<Outbox>,
    tasks: Arc<Tasks>,
    /// As the latest order says; before the first there is no bound.
    budget: Budget,
}

impl Host {
    pub(super) fn new(
        settings: &Settings,
        modules: Modules,
        executor: Executor,
        control: Handle,
    ) -> Self {
        Self {
            modules,
            executor,
            control,
            kind: settings.code_kind(),
            slots: usize::try_from(settings.slots).unwrap_or(usize::MAX),
            outbox: Arc::new(Outbox::default()),
            tasks: Arc::new(Tasks::default()),
            budget: Budget::default(),
        }
    }

    /// The events of this runner.
    pub(super) const fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Bounds the CPU time of the process in each window.
    pub(super) fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
        self.executor.set_budget(budget.cpu, budget.offset);
    }

    /// The daemon that set the budget is gone: what it said for that case holds.
    pub(super) fn left_alone(&self) {
        self.executor
            .set_budget(self.budget.alone, self.budget.offset);
    }

    /// Tells how busy the process is.
    pub(super) fn watch_load(&self) -> LoadWatch {
        self.executor.watch_load()
    }

    /// The tasks that have not ended.
    pub(super) const fn tasks(&self) -> &Arc<Tasks> {
        &self.tasks
    }

    /// Maps a module.
    pub(super) fn map(&mut self, key: CompiledKey, artifact: File) {
        self.modules.insert(key, artifact);
    }

    /// Runs a task, which reads `stdin`. Whatever becomes of it is told by events.
    pub(super) fn launch(&self, launch: RunnerLaunch, stdin: Option<File>) {
        let key = launch.key.clone();
        // Held until the task is entered, which its end waits for.
        let mut tasks = self.tasks.lock();
        if tasks.get(&key).is_some() {
            tracing::warn!(task = %key, "a task that runs is not launched again");
            return;
        }
        if tasks.len() >= self.slots {
            let message = format!("all {} slots of the runner are taken", self.slots);
            return self.refuse(key, Reason::LaunchFailed, message);
        }
        let assignment = match self.assignment(launch, stdin) {
            Ok(assignment) => assignment,
            Err(unusable) => return self.refuse(key, unusable.reason, unusable.message),
        };
        let account = Arc::clone(&assignment.account);
        let its_account = Arc::clone(&account);
        let started = (Arc::clone(&self.outbox), key.clone());
        let on_start = Box::new(move || started.0.push(Event::Started { task: started.1 }));
        let ended = (
            Arc::clone(&self.outbox),
            Arc::clone(&self.tasks),
            key.clone(),
        );
        let on_end = Box::new(move |outcome| {
            let (outbox, tasks, task) = ended;
            end(&outbox, &tasks, task, outcome, &its_account);
        });
        let job = assignment.into_job(self.control.clone(), on_start, on_end);
        let stopper = self.executor.spawn(job);
        // All that it took to read and to carry out the order.
        account.add_cpu_elsewhere(executor::claim());
        tasks.insert(key, Live::new(stopper, account));
    }

    /// Ends a task, after this grace at the latest. One that is not there has ended already.
    pub(super) fn kill(&self, task: &TaskKey, grace: Duration) {
        let mut tasks = self.tasks.lock();
        if let Some(live) = tasks.get_mut(task) {
            live.kill(grace, &self.control);
        }
    }

    /// Ends all tasks and waits for their ends.
    pub(super) async fn end_all(&self) {
        loop {
            // Registered before the look, so that the last end is not missed.
            let none_left = self.tasks.none_left();
            {
                let tasks = self.tasks.lock();
                if tasks.is_empty() {
                    return;
                }
                tasks.values().for_each(Live::stop);
            }
            none_left.await;
        }
    }

    fn assignment(
        &self,
        launch: RunnerLaunch,
        stdin: Option<File>,
    ) -> Result<Assignment, Unusable> {
        let RunnerLaunch {
            key: _,
            module,
            task,
            sandbox,
            has_stdin: _,
            environment: own,
        } = launch;
        if task.stdin.is_some() && stdin.is_none() {
            return Err(Unusable {
                reason: Reason::LaunchFailed,
                message: "the agent could not hand over the task's stdin".to_owned(),
            });
        }
        let sandbox = PathBuf::from(sandbox);
        let policy = Policy::of(&task.limits, &self.kind.limits);
        // A task with a bound of its own ends there, and nothing of what it wrote is to be missed.
        let rotation = match task.limits.output {
            Some(_) => Rotation::none(),
            None => Rotation::keeping(self.kind.limits.output_kept_bytes),
        };
        let account = Arc::new(Account::default());
        Ok(Assignment {
            module: self.modules.get(&module)?,
            bounds: Bounds::of(&task, self.kind.limits),
            share: Share::of(&task),
            metering: self.kind.metering,
            account: Arc::clone(&account),
            arguments: arguments(&task),
            environment: environment(&task, &own),
            stdin: stdin.map(Stdin::Open),
            disk: folders::own(&task, &sandbox, self.kind.limits.files),
            folders: folders::read_only(&task, &sandbox),
            output: Output::new(
                policy,
                Box::new(FileSink::new(sandbox, rotation)),
                self.control.clone(),
                account,
            ),
        })
    }

    fn refuse(&self, task: TaskKey, reason: Reason, message: String) {
        self.outbox.push(Event::Ended {
            task,
            outcome: Outcome::Failed { reason, message },
            usage: Usage {
                cpu_time: executor::claim(),
                ..Usage::default()
            },
        });
    }
}

/// A task has ended, its memory is free and its output is on disk.
fn end(outbox: &Outbox, tasks: &Tasks, task: TaskKey, outcome: Outcome, account: &Account) {
    let usage = account.usage();
    tracing::debug!(task = %task, ?outcome, ?usage, "ended");
    let mut live = tasks.lock();
    live.remove(&task);
    // Under the lock: a daemon that is welcomed sees the task or its end, and never neither.
    outbox.push(Event::Ended {
        task,
        outcome,
        usage,
    });
    if live.is_empty() {
        tasks.tell_none_left();
    }
}
