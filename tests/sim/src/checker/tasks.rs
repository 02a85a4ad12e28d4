//! The life of each task, as launches, runners and callbacks show it: invariants 2, 3 and 5, and
//! that what is told of a task is what happened to it.

use stoker_types::{AgentId, Reason, RunnerId, StatusUpdate, TaskKey, TaskState, agent::Launch};

use super::{Checker, Rule};

/// How a task's module came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It returned, with success or without.
    Itself { well: bool },
    /// Its runner was asked to end it.
    Order,
    /// Its runner was asked to end.
    Shutdown,
    /// Its runner died, its machine lost power, or no daemon came for too long.
    Loss,
}

/// What is known of a task.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskHistory {
    /// To which agent a master sent its launch, and in which boot of its machine, as the master
    /// knew.
    pub(super) launched: Option<(AgentId, String)>,
    pub(super) started: Option<RunnerId>,
    pub(super) over: Option<Cause>,
    /// Its scheduler or an operator wants it to end.
    kill_asked: bool,
    /// An agent was told to end it.
    kill_sent: bool,
    /// The end that a master told.
    told: Option<TaskState>,
    /// The end that a callback heard, and the number of that update.
    pub(super) heard: Option<(TaskState, u64)>,
    /// A callback heard that nobody knows it.
    pub(super) is_unknown: bool,
    /// Its framework is over: nobody has to hear of it.
    pub(super) is_exempt: bool,
}

impl Checker {
    // ---- Launches and starts. ----

    /// A master sends a launch: it is accepted.
    pub(crate) fn launch_sent(&mut self, agent_id: AgentId, launch: &Launch) {
        let key = TaskKey {
            framework_id: launch.framework_id,
            task_id: launch.task.id.clone(),
        };
        self.counts.launches += 1;
        let boot = self.told_boots.get(&agent_id).cloned().unwrap_or_default();
        let task = self.task(&key);
        let before = task.launched.replace((agent_id, boot));
        self.require(Rule::Once, before.is_none(), || {
            format!("{key} is launched twice")
        });
        self.ledger_launched(agent_id, &key, &launch.allocated);
    }

    /// A runner starts a task's module.
    pub(crate) fn module_started(&mut self, key: &TaskKey, runner_id: RunnerId) {
        self.counts.starts += 1;
        let task = self.task(key);
        let before = task.started.replace(runner_id);
        let dropped = task.told == Some(TaskState::Dropped)
            || task
                .heard
                .is_some_and(|(state, number)| state == TaskState::Dropped && number > 0);
        self.require(Rule::Once, before.is_none(), || {
            format!("{key} is started by {runner_id}, and was by {before:?} before")
        });
        self.require(Rule::Truth, !dropped, || {
            format!("{key} is started, and was said to be dropped: that it never ran")
        });
    }

    /// A task's module is over.
    pub(crate) fn module_over(&mut self, key: &TaskKey, cause: Cause) {
        self.task(key).over = Some(cause);
    }

    // ---- Who wants an end. ----

    /// A master hears that a task is to end.
    pub(crate) fn kill_asked(&mut self, key: &TaskKey) {
        self.task(key).kill_asked = true;
    }

    /// A master tells an agent to end a task.
    pub(crate) fn kill_sent(&mut self, agent_id: AgentId, key: &TaskKey) {
        let is_over = self.is_framework_over(key.framework_id);
        let task = self.task(key);
        task.kill_sent = true;
        let has_cause = is_over || task.kill_asked || task.told.is_some() || task.heard.is_some();
        self.require(Rule::Losses, has_cause, || {
            format!("{agent_id} is told to end {key}, and nobody asked for it")
        });
    }

    /// An operator ends an agent with all its tasks.
    pub(crate) fn agent_emptied(&mut self, agent_id: AgentId) {
        let here = |task: &&mut TaskHistory| {
            let launched = task.launched.as_ref();
            launched.is_some_and(|(id, _)| *id == agent_id)
        };
        for task in self.tasks.values_mut().filter(here) {
            task.kill_sent = true;
        }
    }

    /// A daemon asks a runner to end a task.
    pub(crate) fn kill_ordered(&mut self, key: &TaskKey) {
        let has_cause = self.task(key).kill_sent;
        self.require(Rule::Losses, has_cause, || {
            format!("{key} is killed on its agent, and no master said so")
        });
    }

    /// A daemon asks a runner to end. `has_answered` this daemon, or had its time to.
    pub(crate) fn runner_ended(
        &mut self,
        runner_id: RunnerId,
        has_answered: bool,
        tasks: &[TaskKey],
    ) {
        self.ended_runners.insert(runner_id);
        for key in tasks {
            let has_cause = !has_answered || self.task(key).kill_sent;
            self.require(Rule::Losses, has_cause, || {
                format!("{runner_id} is ended while it runs {key}")
            });
        }
    }

    // ---- Losses that are nobody's fault. ----

    pub(crate) fn runner_lost(&mut self, runner_id: RunnerId) {
        self.ended_runners.insert(runner_id);
    }

    /// An agent's machine was booted.
    pub(crate) fn booted(&mut self, agent_id: AgentId, boot_id: &str) {
        self.boots.insert(agent_id, boot_id.to_owned());
    }

    /// Whether the machine of a task's agent was booted since its launch was sent.
    pub(super) fn was_booted_since(&self, task: &TaskHistory) -> bool {
        let launched = task.launched.as_ref();
        launched.is_some_and(|(agent_id, boot)| self.boots.get(agent_id) != Some(boot))
    }

    // ---- What is told. ----

    /// A master tells a scheduler of a step.
    pub(crate) fn update_told(&mut self, update: &StatusUpdate) {
        if update.state.is_terminal() {
            self.task(&update.task).told.get_or_insert(update.state);
        }
    }

    /// An agent forgets a task: what it had to say was taken care of.
    pub(crate) fn task_forgotten(&mut self, key: &TaskKey) {
        let is_over = self.is_framework_over(key.framework_id);
        let task = self.task(key);
        let is_heard = is_over || task.heard.is_some() || task.is_exempt;
        self.require(Rule::Ends, is_heard, || {
            format!("{key} is forgotten by its agent, and its scheduler has not seen its end")
        });
    }

    /// A scheduler's callback hears of a step.
    pub(crate) fn heard(&mut self, listener: (usize, u64), update: &StatusUpdate) {
        self.check_order(listener, update);
        let key = &update.task;
        if update.state == TaskState::Unknown {
            self.task(key).is_unknown = true;
        }
        if !update.state.is_terminal() {
            return;
        }
        self.counts.ends += 1;
        let task = self.task(key);
        let before = *task.heard.get_or_insert((update.state, update.number));
        let (state, number) = (update.state, update.number);
        // What a side presumes of a lost launch is all that may be wrong.
        let is_presumption = before.1 == 0 && before.0 == TaskState::Dropped;
        self.require(Rule::Order, before.0 == state || is_presumption, || {
            format!(
                "{key} is {state} (update {number}) and was {} (update {})",
                before.0, before.1
            )
        });
        self.check_truth(update);
    }

    /// Whether an end that is told is the one that happened.
    fn check_truth(&mut self, update: &StatusUpdate) {
        let key = &update.task;
        let task = self.task(key).clone();
        let (state, reason) = (update.state, update.reason);
        let is_true = match (state, reason) {
            (TaskState::Finished, _) => task.over == Some(Cause::Itself { well: true }),
            (TaskState::Failed, Some(Reason::ExitCode | Reason::Trap)) => {
                task.over == Some(Cause::Itself { well: false })
            }
            (TaskState::Failed, Some(Reason::RunnerLost)) => task
                .started
                .is_none_or(|runner_id| self.ended_runners.contains(&runner_id)),
            (TaskState::Killed, Some(Reason::KillRequested | Reason::KilledByOperator)) => {
                task.kill_asked
            }
            (TaskState::Killed, _) => task.kill_sent || task.is_exempt,
            (TaskState::Gone, _) => self.was_booted_since(&task),
            // Where no master said so, the scheduler's own side presumes it, because no one in the
            // cluster knew the task: its agent may still turn up with it.
            (TaskState::Dropped, _) if task.launched.is_some() => {
                let is_presumed = update.number == 0 && task.told != Some(TaskState::Dropped);
                task.started.is_none() || is_presumed
            }
            (_, _) => true,
        };
        self.require(Rule::Truth, is_true, || {
            format!("{key} is said to be {state} for {reason:?}, and the truth is {task:?}")
        });
        let is_short = matches!(reason, Some(Reason::InsufficientResources));
        self.require(Rule::Promises, !(is_short && update.number > 0), || {
            format!("the agent of {key} has no room for it: {}", update.message)
        });
    }
}
