//! A master that does what a test says, and hears what a scheduler calls.
//!
//! Owns one scheduler in its [`SchedulerCore`], a clock that stands still, and the calls that the
//! test has not looked at. It judges nothing: a test that wants a refusal says so.

use std::{collections::BTreeMap, collections::VecDeque, fmt, time::Duration};

use stoker_sdk_scheduler::{
    Ending, FrameworkInfo, MasterInfo, Offer, Scheduler,
    core::{Input, Output, SchedulerCore, Settings},
};
use stoker_types::{
    AgentId, Attributes, Epoch, FrameworkId, OfferId, Role, TaskId, Timestamp,
    scheduler::{Call, Event, NumberedCall, Operation},
};

/// How often this master says that it is alive. Long, so that tests may move time.
const HEARTBEAT: Duration = Duration::from_secs(365 * 24 * 3600);
/// A scheduler that is due more often than this without time passing is due for ever.
const MOST_TICKS_IN_PLACE: u32 = 100;

/// A master for tests of a scheduler: no network, no clock, no chance.
///
/// ```
/// use std::convert::Infallible;
///
/// use stoker_sdk_scheduler::{Calls, Offer, Scheduler, StatusUpdate, Task, TaskState, Timestamp};
/// use stoker_sdk_testing::ScriptedMaster;
///
/// /// Runs one task, and stops when it has ended.
/// struct Once(Option<Task>);
///
/// impl Scheduler for Once {
///     type Command = Infallible;
///
///     fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
///         if let Some(task) = self.0.take() {
///             calls.launch(&offers[0], [task]);
///         }
///         calls.decline_rest();
///     }
///
///     fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
///         if update.state.is_terminal() {
///             calls.stop();
///         }
///     }
/// }
///
/// let task = Task::new("file:/hello.wasm".parse().unwrap());
/// let mut master = ScriptedMaster::new(Once(Some(task)));
/// master.offer("cpus=1;mem=1GiB");
/// let launch = master.expect_launch();
/// let task_id = &launch.tasks[0].id;
/// master.update(task_id, TaskState::Running);
/// master.update(task_id, TaskState::Finished);
/// master.expect_stopped();
/// ```
///
/// Subscriptions, acknowledgements and questions about tasks are the SDK's own and are not to be
/// expected; [`acknowledged`](Self::acknowledged) shows the second of them.
pub struct ScriptedMaster<S: Scheduler> {
    core: SchedulerCore<S>,
    pub(super) framework_id: FrameworkId,
    epoch: Epoch,
    pub(super) now: Timestamp,
    pub(super) is_connected: bool,
    /// Calls that the test has not looked at.
    pub(super) calls: VecDeque<NumberedCall>,
    pub(super) ending: Option<Ending>,
    next_offer: u64,
    /// Where each task was launched.
    pub(super) placed: BTreeMap<TaskId, AgentId>,
    /// Where each open offer is.
    offered: BTreeMap<OfferId, AgentId>,
    /// The number of each task's last update, and the highest that was acknowledged.
    pub(super) updates: BTreeMap<TaskId, (u64, u64)>,
}

impl<S: Scheduler> ScriptedMaster<S> {
    /// A master that has taken this scheduler in.
    pub fn new(scheduler: S) -> Self {
        let framework = FrameworkInfo {
            name: "tested".to_owned(),
            principal: String::new(),
            roles: vec![Role::default()],
            failover_timeout: FrameworkInfo::DEFAULT_FAILOVER_TIMEOUT,
        };
        let settings = Settings {
            framework,
            framework_id: None,
            wait: None,
            seed: 1,
        };
        Self::with_settings(scheduler, settings)
    }

    /// A master that has taken this scheduler in, as a framework with these settings. With an id,
    /// it is a return.
    pub fn with_settings(scheduler: S, settings: Settings) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let framework_id = settings
            .framework_id
            .unwrap_or_else(|| FrameworkId::from_bits(1));
        let mut master = Self {
            core: SchedulerCore::new(scheduler, settings, now),
            framework_id,
            epoch: Epoch::new(1),
            now,
            is_connected: false,
            calls: VecDeque::new(),
            ending: None,
            next_offer: 1,
            placed: BTreeMap::new(),
            offered: BTreeMap::new(),
            updates: BTreeMap::new(),
        };
        master.feed(Input::Tick);
        master
    }

    /// Offers resources of the first agent: `cpus=2;mem=1GiB`.
    ///
    /// # Panics
    /// If the text is no resources.
    pub fn offer(&mut self, resources: &str) -> Offer {
        self.offers(&[resources]).remove(0)
    }

    /// Offers resources of as many agents as there are texts, all at once.
    ///
    /// # Panics
    /// If a text is no resources.
    pub fn offers(&mut self, resources: &[&str]) -> Vec<Offer> {
        let mut offers = Vec::new();
        for (text, agent) in resources.iter().zip(1..) {
            let number = self.next_offer;
            self.next_offer += 1;
            offers.push(Offer {
                id: OfferId {
                    epoch: self.epoch,
                    number,
                },
                framework_id: self.framework_id,
                role: Role::default(),
                agent_id: AgentId::from_bits(agent),
                hostname: format!("host-{agent}"),
                attributes: Attributes::default(),
                resources: text.parse().expect("resources are NAME=AMOUNT;…"),
            });
        }
        self.event(Event::Offers(offers.clone()));
        offers
    }

    /// Takes an offer back.
    pub fn rescind(&mut self, offer_id: OfferId) {
        self.offered.remove(&offer_id);
        self.event(Event::Rescind { offer_id });
    }

    /// Says that a call was not carried out.
    pub fn refuse(&mut self, call_id: u64, message: &str) {
        let message = message.to_owned();
        self.event(Event::Refused { call_id, message });
    }

    /// Says anything.
    pub fn event(&mut self, event: Event) {
        if let Event::Offers(offers) = &event {
            let agents = offers.iter().map(|offer| (offer.id, offer.agent_id));
            self.offered.extend(agents);
        }
        let epoch = self.epoch;
        self.feed(Input::Event { epoch, event });
    }

    /// Sends the scheduler a command, as a handle would.
    pub fn command(&mut self, command: S::Command) {
        self.feed(Input::Command(command));
    }

    /// Lets this much time pass, with every deadline in it.
    ///
    /// # Panics
    /// If a deadline is not moved on when it is ticked.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now.after(time);
        let mut ticks_in_place = 0;
        while let Some(due) = self.core.deadline().filter(|due| *due <= end) {
            ticks_in_place = if due > self.now {
                0
            } else {
                ticks_in_place + 1
            };
            assert!(
                ticks_in_place <= MOST_TICKS_IN_PLACE,
                "a tick does not move the deadline {due:?} on"
            );
            self.now = due.max(self.now);
            self.feed(Input::Tick);
        }
        self.now = end;
    }

    /// Cuts the connection. The scheduler comes back as time is [`advance`](Self::advance)d.
    pub fn disconnect(&mut self) {
        self.is_connected = false;
        self.offered.clear();
        self.feed(Input::Disconnected {
            message: "the test cut the connection".to_owned(),
            retry: true,
        });
    }

    /// A new master: another term, which knows nothing of offers. The scheduler is with it when
    /// this returns.
    pub fn fail_over(&mut self) {
        self.epoch = self.epoch.next();
        self.disconnect();
        while !self.is_connected && self.ending.is_none() {
            self.advance(Duration::from_millis(100));
        }
    }

    /// The highest number of this task's updates that was acknowledged; 0 if none was.
    #[must_use]
    pub fn acknowledged(&self, task_id: &TaskId) -> u64 {
        self.updates.get(task_id).map_or(0, |(_, number)| *number)
    }

    /// How the scheduler ended, if it has.
    #[must_use]
    pub const fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// The scheduler itself.
    pub const fn scheduler(&self) -> &S {
        self.core.scheduler()
    }

    /// What time it is here.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Gives the scheduler one input, and does at once what it wants done.
    fn feed(&mut self, input: Input<S::Command>) {
        let mut outputs = Vec::new();
        self.core.handle(self.now, input, &mut outputs);
        self.core.check_invariants();
        for output in outputs {
            match output {
                Output::Connect => {
                    self.is_connected = true;
                    self.feed(Input::Connected);
                }
                Output::Disconnect => self.is_connected = false,
                Output::Send(call) => self.hear(call),
                Output::Lost { .. } => {}
                Output::Stop(ending) => self.ending = Some(ending),
            }
        }
    }

    fn hear(&mut self, call: NumberedCall) {
        match &call.call {
            Call::Subscribe { .. } => {
                let event = Event::Subscribed {
                    framework_id: self.framework_id,
                    heartbeat_interval: HEARTBEAT,
                    master: MasterInfo {
                        epoch: self.epoch,
                        version: "scripted".to_owned(),
                    },
                };
                return self.event(event);
            }
            Call::Acknowledge {
                task_id, number, ..
            } => {
                let numbers = self.updates.entry(task_id.clone()).or_default();
                numbers.1 = numbers.1.max(*number);
                return;
            }
            Call::Reconcile { .. } => return,
            Call::Accept {
                offer_ids,
                operations,
                ..
            } => {
                let agents = offer_ids.iter().map(|id| self.offered.remove(id));
                let agent = agents.flatten().last();
                for Operation::Launch { tasks } in operations {
                    let placed = tasks.iter().zip(agent.into_iter().cycle());
                    self.placed
                        .extend(placed.map(|(task, agent)| (task.id.clone(), agent)));
                }
            }
            Call::Decline { offer_ids, .. } => {
                self.offered.retain(|id, _| !offer_ids.contains(id));
            }
            Call::Teardown
            | Call::Revive { .. }
            | Call::Suppress { .. }
            | Call::Kill { .. }
            | Call::Message { .. } => {}
        }
        self.calls.push_back(call);
    }
}

impl<S: Scheduler> fmt::Debug for ScriptedMaster<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ScriptedMaster")
            .field("now", &self.now)
            .field("calls", &self.calls)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
