//! What a framework remembers of its conversation with the master, but for its author's scheduler.
//!
//! Owns the numbering of calls, the framework's id, the highest term, and the tables of this
//! folder. Calls no callback: it says what is worth one.

use std::{collections::VecDeque, time::Duration};

use stoker_types::{
    AgentId, Epoch, FrameworkId, FrameworkInfo, IdGenerator, Reason, StatusUpdate, TaskId,
    TaskState, Timestamp,
    scheduler::{Call, Event, NumberedCall},
};

use super::{
    Output, Settings,
    connection::Connection,
    demand::Demand,
    kills::Kills,
    local::{DroppedTask, LocalAnswers},
    offers::OpenOffers,
    reconciliation::Reconciliation,
    tasks::{Novelty, Tasks},
};
use crate::{Ending, Refusal, calls::EndingWish};

/// How many calls are remembered by their verb, for refusals to name them.
const REMEMBERED_CALLS: usize = 1024;
/// With more tasks than this, a debug build does not check its invariants after every input.
const TASKS_CHECKED_AT_EVERY_INPUT: usize = 1000;

/// The memory of a conversation.
#[derive(Debug)]
pub(super) struct Session {
    framework: FrameworkInfo,
    pub(super) framework_id: Option<FrameworkId>,
    /// The highest term heard of.
    pub(super) epoch: Epoch,
    pub(super) connection: Connection,
    pub(super) random: IdGenerator,
    pub(super) offers: OpenOffers,
    pub(super) tasks: Tasks,
    pub(super) kills: Kills,
    pub(super) reconciliation: Reconciliation,
    pub(super) demand: Demand,
    next_call_id: u64,
    /// The verbs of the last calls, the one before `next_call_id` at the end.
    recent: VecDeque<&'static str>,
    pub(super) local: LocalAnswers,
    pub(super) ending: Option<EndingWish>,
    is_over: bool,
}

/// What becomes of an event.
#[derive(Debug)]
pub(super) enum Reception {
    Taken,
    Ignored,
    /// The stream leads to a master whose term is over.
    Deposed(String),
}

impl Session {
    pub(super) fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            demand: Demand::new(settings.framework.roles.clone()),
            framework: settings.framework,
            framework_id: settings.framework_id,
            epoch: Epoch::default(),
            connection: Connection::new(settings.wait, now),
            // Another sequence than that of the task ids.
            random: IdGenerator::from_seed(!settings.seed),
            offers: OpenOffers::default(),
            tasks: Tasks::default(),
            kills: Kills::default(),
            reconciliation: Reconciliation::default(),
            next_call_id: 1,
            recent: VecDeque::new(),
            local: LocalAnswers::default(),
            ending: None,
            is_over: false,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Numbers a call and sends it; the stream must be open.
    pub(super) fn send(&mut self, call: Call, outputs: &mut Vec<Output>) -> u64 {
        let call_id = self.next_call_id;
        self.next_call_id += 1;
        if self.recent.len() == REMEMBERED_CALLS {
            self.recent.pop_front();
        }
        self.recent.push_back(call.verb());
        outputs.push(Output::Send(NumberedCall { call_id, call }));
        call_id
    }

    pub(super) fn connected(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if !self.connection.opened(now) {
            return;
        }
        let subscribe = Call::Subscribe {
            framework: self.framework.clone(),
            framework_id: self.framework_id,
            suppressed_roles: self.demand.subscribe(),
        };
        self.send(subscribe, outputs);
    }

    /// Judges an event by its term and its place in the conversation.
    pub(super) fn receive(&mut self, now: Timestamp, epoch: Epoch, event: &Event) -> Reception {
        if epoch < self.epoch {
            return if self.connection.is_subscribing() {
                Reception::Deposed(format!(
                    "this master's term {epoch} is over: {} has begun",
                    self.epoch
                ))
            } else {
                Reception::Ignored
            };
        }
        let is_expected = match event {
            Event::Subscribed { .. } => self.connection.is_subscribing(),
            Event::Error { .. } => {
                self.connection.is_subscribing() || self.connection.is_subscribed()
            }
            Event::Offers(_)
            | Event::Rescind { .. }
            | Event::Update(_)
            | Event::Refused { .. }
            | Event::Heartbeat => self.connection.is_subscribed(),
        };
        if !is_expected {
            tracing::debug!(?event, "an event came out of turn");
            return Reception::Ignored;
        }
        self.epoch = epoch;
        if let Event::Subscribed {
            heartbeat_interval, ..
        } = event
        {
            self.connection.subscribed(now, *heartbeat_interval);
        } else {
            self.connection.heard(now);
        }
        Reception::Taken
    }

    /// The master has taken this framework in; says whether it knew its id before.
    pub(super) fn subscribed(
        &mut self,
        now: Timestamp,
        framework_id: FrameworkId,
        outputs: &mut Vec<Output>,
    ) -> bool {
        let is_return = self.framework_id.is_some();
        if self.framework_id.is_some_and(|known| known != framework_id) {
            tracing::error!(
                before = ?self.framework_id, now = %framework_id,
                "the master gave this framework another id"
            );
        }
        self.framework_id = Some(framework_id);
        for call in self.demand.owed() {
            self.send(call, outputs);
        }
        self.kills.restart(now);
        self.ask_about_all(now);
        self.resend(now, outputs);
        is_return
    }

    /// The stream is gone; says when the next attempt is made.
    pub(super) fn lose(&mut self, now: Timestamp, message: &str) -> Option<Duration> {
        self.connection.lost(now, message, &mut self.random)
    }

    /// Sends what is due again: kills and questions.
    pub(super) fn resend(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if !self.connection.is_subscribed() {
            return;
        }
        for (task_id, grace) in self.kills.take_due(now, &mut self.random) {
            self.send(Call::Kill { task_id, grace }, outputs);
        }
        if self.reconciliation.is_round_due(now) {
            self.ask_about_all(now);
        }
        for question in self.reconciliation.take_due(now, &mut self.random) {
            self.send(question, outputs);
        }
    }

    fn ask_about_all(&mut self, now: Timestamp) {
        let live = self.tasks.live().map(|(task_id, _)| task_id.clone());
        self.reconciliation.begin(now, live, &mut self.random);
    }

    /// Takes an update in; says whether the author is to hear it. One that says that a launch was
    /// lost is put into the words that the author knows.
    pub(super) fn observe(
        &mut self,
        now: Timestamp,
        update: &mut StatusUpdate,
        outputs: &mut Vec<Output>,
    ) -> bool {
        let task_id = update.task.task_id.clone();
        let is_bare_end =
            update.reason == Some(Reason::Reconciliation) && update.state.is_terminal();
        if is_bare_end
            && !self.tasks.has_ended(&task_id)
            && !self
                .reconciliation
                .believes_end(now, &task_id, &mut self.random)
        {
            return false;
        }
        let was_asked = self.reconciliation.answered(&task_id);
        let novelty = self.tasks.observe(update, was_asked);
        if update.state.is_terminal() || update.state == TaskState::Unknown {
            self.kills.remove(&task_id);
        }
        match novelty {
            Novelty::New => true,
            Novelty::Known => false,
            Novelty::LaunchLost => {
                update.agent_id = self.tasks.launched_on(&task_id);
                update.state = TaskState::Dropped;
                update.reason = Some(Reason::AgentDisconnected);
                "the launch was lost on its way".clone_into(&mut update.message);
                self.tasks.presume_dropped(&task_id);
                true
            }
            Novelty::Undead => {
                self.kills.add(now, &task_id, None);
                self.resend(now, outputs);
                false
            }
        }
    }

    /// Tells the agent, through the master, that it need not send the update again.
    pub(super) fn acknowledge(&mut self, update: &StatusUpdate, outputs: &mut Vec<Output>) {
        if !update.needs_acknowledgement() || !self.connection.is_subscribed() {
            return;
        }
        let Some(agent_id) = update.agent_id else {
            tracing::warn!(task_id = %update.task.task_id, "a numbered update names no agent");
            return;
        };
        let acknowledge = Call::Acknowledge {
            agent_id,
            task_id: update.task.task_id.clone(),
            number: update.number,
        };
        self.send(acknowledge, outputs);
    }

    /// The master did not carry out a call; what it was to launch is dropped.
    pub(super) fn refused(&mut self, now: Timestamp, call_id: u64, message: String) -> Refusal {
        let tasks = self.tasks.unanswered(call_id);
        for (task_id, agent_id) in tasks.clone() {
            self.drop_locally(task_id, Some(agent_id), Reason::InvalidOffers, &message);
        }
        let age = self.next_call_id.saturating_sub(call_id);
        let verb = usize::try_from(age)
            .ok()
            .and_then(|age| self.recent.len().checked_sub(age))
            .and_then(|index| self.recent.get(index).copied())
            .unwrap_or_default();
        self.local.hurry(now);
        Refusal {
            call_id,
            verb,
            tasks: tasks.into_iter().map(|(task_id, _)| task_id).collect(),
            message,
        }
    }

    /// Ends a task that never ran; the author hears of it soon.
    pub(super) fn drop_locally(
        &mut self,
        task_id: TaskId,
        agent_id: Option<AgentId>,
        reason: Reason,
        message: &str,
    ) {
        self.reconciliation.answered(&task_id);
        self.kills.remove(&task_id);
        self.tasks.presume_dropped(&task_id);
        self.local.drop_task(DroppedTask {
            task_id,
            agent_id,
            reason,
            message: message.to_owned(),
        });
    }

    /// The drops of this side that are due, as updates of the master.
    pub(super) fn take_dropped(&mut self, now: Timestamp) -> Vec<StatusUpdate> {
        let framework_id = self.framework_id;
        framework_id.map_or_else(Vec::new, |framework_id| {
            self.local.take_due(now, framework_id)
        })
    }

    /// Carries out the author's wish to end, as soon as that is possible.
    pub(super) fn end_if_wished(&mut self, outputs: &mut Vec<Output>) {
        match self.ending {
            Some(EndingWish::Stop) => self.end(Ending::Stopped, outputs),
            Some(EndingWish::Teardown) if self.connection.is_subscribed() => {
                self.send(Call::Teardown, outputs);
                self.end(Ending::Stopped, outputs);
            }
            Some(EndingWish::Teardown) | None => {}
        }
    }

    pub(super) fn end(&mut self, ending: Ending, outputs: &mut Vec<Output>) {
        if !self.is_over {
            self.is_over = true;
            outputs.push(Output::Stop(ending));
        }
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let mut deadline = Some(self.connection.deadline());
        let mut consider = |at: Option<Timestamp>| deadline = deadline.into_iter().chain(at).min();
        if self.connection.is_subscribed() {
            consider(self.kills.deadline());
            consider(self.reconciliation.deadline());
        }
        if self.framework_id.is_some() {
            consider(self.local.deadline());
        }
        deadline
    }

    /// Whether checking the invariants takes no time to speak of.
    pub(super) fn is_small(&self) -> bool {
        self.tasks.count_live() + self.kills.count() <= TASKS_CHECKED_AT_EVERY_INPUT
    }

    pub(super) fn check_invariants(&self) {
        self.tasks.check_invariants();
        self.kills.check_invariants();
        self.reconciliation.check_invariants();
        assert!(
            self.offers.is_empty() || self.connection.is_subscribed(),
            "an offer is open without a subscription"
        );
        let asks_about_ended = self
            .reconciliation
            .open()
            .into_iter()
            .find(|task_id| self.tasks.has_ended(task_id));
        assert_eq!(asks_about_ended, None, "an ended task is asked about");
    }
}
