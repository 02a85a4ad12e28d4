//! Frameworks: who may be ended when, and what the registry must hold before anyone is told.

use std::time::Duration;

use stoker_types::{AgentId, FrameworkId, TaskKey, Timestamp, agent::TaskSnapshot};

use super::{Checker, Rule};

/// What is known of a framework.
#[derive(Clone, Debug, Default)]
pub(super) struct Framework {
    failover_timeout: Duration,
    /// The stream on which its scheduler is subscribed.
    stream: Option<u64>,
    /// By its master's clock: when it may be ended because its scheduler is away. An ephemeral
    /// one may be as soon as it has left.
    may_end_at: Option<Timestamp>,
    teardown_asked: bool,
    /// The master that ended it, counted from the first.
    over_in: Option<u64>,
}

impl Framework {
    /// Its scheduler is away since `now`.
    fn leave(&mut self, now: Timestamp) {
        self.stream = None;
        let at = now.after(self.failover_timeout);
        self.may_end_at = Some(self.may_end_at.map_or(at, |before| before.min(at)));
    }

    fn may_end(&self, now: Timestamp) -> bool {
        self.teardown_asked || self.may_end_at.is_some_and(|at| at <= now)
    }
}

impl Checker {
    /// A master has started: to it, all schedulers are away.
    pub(crate) fn master_started(&mut self, now: Timestamp) {
        self.masters += 1;
        for framework in self.frameworks.values_mut() {
            framework.leave(now);
        }
    }

    /// A scheduler is told that it is subscribed. `is_written` says whether the registry holds its
    /// framework as present.
    pub(crate) fn subscribed(
        &mut self,
        framework_id: FrameworkId,
        (stream, failover_timeout): (u64, Duration),
        is_written: bool,
    ) {
        let is_ephemeral = failover_timeout.is_zero();
        self.require(Rule::Durable, is_ephemeral || is_written, || {
            format!("{framework_id} is told that it is subscribed, and that is not written")
        });
        let framework = self.frameworks.entry(framework_id).or_default();
        framework.failover_timeout = failover_timeout;
        framework.stream = Some(stream);
        framework.may_end_at = None;
        // One that another master ended is taken as told: agents may vouch for it.
        let was_over = framework.over_in.take() == Some(self.masters);
        self.require(Rule::Durable, !was_over, || {
            format!("{framework_id} is over, and subscribed again")
        });
    }

    /// A scheduler's stream is over for the master.
    pub(crate) fn scheduler_left(
        &mut self,
        framework_id: FrameworkId,
        stream: u64,
        now: Timestamp,
    ) {
        self.offers_of_stream_over(stream);
        if let Some(framework) = self.frameworks.get_mut(&framework_id)
            && framework.stream == Some(stream)
        {
            framework.leave(now);
        }
    }

    /// The master ends a scheduler's stream.
    pub(crate) fn stream_ended(&mut self, stream: u64) {
        self.offers_of_stream_over(stream);
    }

    /// Its scheduler, or an operator, wants a framework to end.
    pub(crate) fn teardown_asked(&mut self, framework_id: FrameworkId) {
        let framework = self.frameworks.entry(framework_id).or_default();
        framework.teardown_asked = true;
        if let Some(stream) = framework.stream {
            self.offers_of_stream_over(stream);
        }
    }

    /// A master shows, or acts as if, a framework were over. One whose id was never told is
    /// nobody's.
    pub(crate) fn framework_over(&mut self, framework_id: FrameworkId, now: Timestamp) {
        let Some(framework) = self.frameworks.get_mut(&framework_id) else {
            return;
        };
        let is_legitimate = framework.over_in.is_some() || framework.may_end(now);
        framework.over_in = Some(self.masters);
        self.require(Rule::Losses, is_legitimate, || {
            format!("{framework_id} is ended, and nobody asked for it nor was it away for too long")
        });
        self.nobody_listens(framework_id);
    }

    /// Nobody will ever hear again of a framework's tasks: it is over, or it was ephemeral and its
    /// scheduler has died.
    pub(crate) fn nobody_listens(&mut self, framework_id: FrameworkId) {
        for (key, task) in &mut self.tasks {
            if key.framework_id == framework_id {
                task.is_exempt = true;
            }
        }
    }

    /// An agent is told to end a framework's tasks.
    pub(crate) fn shutdown_sent(
        &mut self,
        agent_id: AgentId,
        framework_id: FrameworkId,
        now: Timestamp,
    ) {
        self.framework_over(framework_id, now);
        let keys: Vec<TaskKey> = self.tasks.keys().cloned().collect();
        for key in keys {
            if key.framework_id == framework_id {
                self.kill_sent(agent_id, &key);
            }
        }
    }

    /// Whether a scheduler may be turned away for good.
    pub(crate) fn turned_away(&mut self, framework_id: Option<FrameworkId>, message: &str) {
        let is_legitimate = framework_id
            .and_then(|framework_id| self.frameworks.get(&framework_id))
            .is_some_and(|framework| framework.over_in.is_some());
        self.require(Rule::Durable, is_legitimate, || {
            format!("the scheduler of {framework_id:?} is turned away for good: {message}")
        });
    }

    pub(super) fn is_framework_over(&self, framework_id: FrameworkId) -> bool {
        let framework = self.frameworks.get(&framework_id);
        framework.is_some_and(|framework| framework.over_in.is_some())
    }

    // ---- Agents. ----

    /// An agent is told that it is registered. `is_written` says whether the registry holds it as
    /// reachable.
    pub(crate) fn agent_registered(
        &mut self,
        agent_id: AgentId,
        (stream, is_written): (u64, bool),
        told: &[TaskSnapshot],
    ) {
        self.require(Rule::Durable, is_written, || {
            format!("{agent_id} is told that it is registered, and that is not written")
        });
        self.ledger_registered(agent_id, stream, told);
    }

    /// A scheduler is told that a task's agent is unreachable.
    pub(crate) fn unreachable_told(&mut self, agent_id: Option<AgentId>, is_written: bool) {
        self.require(Rule::Durable, is_written, || {
            format!("{agent_id:?} is said to be unreachable, and that is not written")
        });
    }

    /// A master turns an agent away.
    pub(crate) fn agent_refused(&mut self, agent_id: AgentId, message: &str, retry: bool) {
        self.require(Rule::Losses, retry, || {
            format!("{agent_id} is refused for good: {message}")
        });
    }
}
