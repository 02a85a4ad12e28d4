//! A core on a bench: a scheduler that writes down what it hears, and inputs one at a time.

use std::{fmt, time::Duration};

use stoker_sdk_scheduler::{
    AgentId, Calls, Ending, Epoch, FrameworkId, FrameworkInfo, MasterInfo, Offer, OfferId, Reason,
    Refusal, Registration, Resources, Role, Scheduler, StatusUpdate, Task, TaskId, TaskKey,
    TaskState, Timestamp, Usage,
    core::{Input, Output, SchedulerCore, Settings},
};
use stoker_types::scheduler::{Call, Event};

pub(crate) const FRAMEWORK: FrameworkId = FrameworkId::from_bits(1);
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a scheduler was told, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Registered { is_return: bool },
    Offers(Vec<OfferId>),
    Rescinded(OfferId),
    Update(TaskId, TaskState, Option<Reason>),
    Refused(Refusal),
    Tick,
    Disconnected(String),
    Error(Ending),
}

/// What a test wants called, now or when something is heard.
pub(crate) type Action = Box<dyn FnOnce(&mut Calls) + Send>;
pub(crate) type Reaction = Box<dyn FnMut(&Heard, &mut Calls) + Send>;

/// Writes down what it hears; does what its commands say.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) heard: Vec<Heard>,
    pub(crate) reaction: Option<Reaction>,
    pub(crate) deadline: Option<Timestamp>,
}

impl Recorder {
    fn hear(&mut self, heard: Heard, calls: &mut Calls) {
        if let Some(reaction) = &mut self.reaction {
            reaction(&heard, calls);
        }
        self.heard.push(heard);
    }
}

impl Scheduler for Recorder {
    type Command = Action;

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        let ids = offers.iter().map(|offer| offer.id).collect();
        self.hear(Heard::Offers(ids), calls);
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = update.task.task_id.clone();
        self.hear(Heard::Update(task_id, update.state, update.reason), calls);
    }

    fn registered(&mut self, _: Timestamp, registration: &Registration, calls: &mut Calls) {
        let is_return = registration.is_return;
        self.hear(Heard::Registered { is_return }, calls);
    }

    fn rescinded(&mut self, _: Timestamp, offer_id: OfferId, calls: &mut Calls) {
        self.hear(Heard::Rescinded(offer_id), calls);
    }

    fn refused(&mut self, _: Timestamp, refusal: &Refusal, calls: &mut Calls) {
        self.hear(Heard::Refused(refusal.clone()), calls);
    }

    fn command(&mut self, _: Timestamp, action: Action, calls: &mut Calls) {
        action(calls);
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn tick(&mut self, _: Timestamp, calls: &mut Calls) {
        self.deadline = None;
        self.hear(Heard::Tick, calls);
    }

    fn disconnected(&mut self, _: Timestamp, message: &str, calls: &mut Calls) {
        self.hear(Heard::Disconnected(message.to_owned()), calls);
    }

    fn error(&mut self, _: Timestamp, ending: &Ending) {
        self.heard.push(Heard::Error(ending.clone()));
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heard.fmt(formatter)
    }
}

/// A core, its clock, and the term of the master that speaks to it.
pub(crate) struct Bench {
    pub(crate) core: SchedulerCore<Recorder>,
    pub(crate) now: Timestamp,
    pub(crate) epoch: Epoch,
    /// How much of what was heard the test has seen.
    seen: usize,
    last_offer: u64,
}

impl Bench {
    /// A core that has not looked for its master yet.
    pub(crate) fn new(recorder: Recorder, wait: Option<Duration>) -> Self {
        let now = Timestamp::from_micros(1_000_000_000);
        let settings = Settings {
            framework: framework(),
            framework_id: None,
            wait,
            seed: 7,
        };
        Self {
            core: SchedulerCore::new(recorder, settings, now),
            now,
            epoch: Epoch::new(3),
            seen: 0,
            last_offer: 100,
        }
    }

    /// A core that is registered, and has said all that it says then.
    pub(crate) fn registered() -> Self {
        Self::reacting(|_, _| {})
    }

    /// The same, with a scheduler that reacts to what it hears.
    pub(crate) fn reacting(reaction: impl FnMut(&Heard, &mut Calls) + Send + 'static) -> Self {
        let recorder = Recorder {
            reaction: Some(Box::new(reaction)),
            ..Recorder::default()
        };
        let mut bench = Self::new(recorder, None);
        bench.subscribe();
        bench.heard();
        bench
    }

    /// Dials at the next deadline, connects and registers. Gives what the core did at the last.
    pub(crate) fn subscribe(&mut self) -> Vec<Output> {
        while self.tick_next() != [Output::Connect] {}
        self.feed(Input::Connected);
        self.event(subscribed(self.epoch))
    }

    pub(crate) fn feed(&mut self, input: Input<Action>) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.core.handle(self.now, input, &mut outputs);
        self.core.check_invariants();
        outputs
    }

    pub(crate) fn event(&mut self, event: Event) -> Vec<Output> {
        let epoch = self.epoch;
        self.feed(Input::Event { epoch, event })
    }

    /// Lets the scheduler call something; gives the calls without their numbers.
    pub(crate) fn calls(&mut self, action: impl FnOnce(&mut Calls) + Send + 'static) -> Vec<Call> {
        sent(self.feed(Input::Command(Box::new(action))))
    }

    /// Moves on to the next deadline, and lets it pass.
    pub(crate) fn tick_next(&mut self) -> Vec<Output> {
        let due = self.core.deadline().expect("a deadline");
        self.now = self.now.max(due);
        self.feed(Input::Tick)
    }

    /// Moves on, with every deadline in between, beside a master that is alive. Gives all calls that were sent meanwhile, with
    /// their time since the start.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<(Duration, Call)> {
        let start = self.now;
        let end = start.after(time);
        let mut calls = Vec::new();
        while self.now < end {
            let due = self.core.deadline().unwrap_or(end);
            self.now = due.min(self.now.after(HEARTBEAT)).min(end).max(self.now);
            self.event(Event::Heartbeat);
            if self.core.deadline().is_some_and(|due| due <= self.now) {
                let outputs = self.feed(Input::Tick);
                let at = self.now.since(start);
                calls.extend(sent(outputs).into_iter().map(|call| (at, call)));
            }
        }
        calls
    }

    /// What was heard since the last look.
    pub(crate) fn heard(&mut self) -> Vec<Heard> {
        let all = &self.core.scheduler().heard;
        let new = all[self.seen..].to_vec();
        self.seen = all.len();
        new
    }

    /// Offers this of agents 1, 2, ….
    pub(crate) fn offers<const N: usize>(&mut self, resources: [&str; N]) -> [Offer; N] {
        let mut agent = 0;
        let offers = resources.map(|text| {
            agent += 1;
            self.last_offer += 1;
            offer(self.epoch, self.last_offer, agent, text)
        });
        let outputs = self.event(Event::Offers(offers.to_vec()));
        assert_eq!(outputs, []);
        offers
    }

    /// Launches one task on a new offer of agent 1.
    pub(crate) fn launch(&mut self, name: &'static str) -> TaskId {
        let [offer] = self.offers(["cpus=1;mem=1GiB"]);
        let calls = self.calls(move |calls| {
            calls.launch(&offer, [task(name)]);
        });
        self.heard();
        launched(&calls).remove(0)
    }

    pub(crate) fn disconnect(&mut self) -> Vec<Output> {
        self.feed(Input::Disconnected {
            message: "cut".to_owned(),
            retry: true,
        })
    }

    /// Tells an update of the agent; gives the calls.
    pub(crate) fn update(&mut self, task_id: &TaskId, number: u64, state: TaskState) -> Vec<Call> {
        sent(self.event(Event::Update(update(task_id, number, state))))
    }

    /// Tells the master's answer to a question; gives the calls.
    pub(crate) fn answer(&mut self, task_id: &TaskId, state: TaskState) -> Vec<Call> {
        let update = StatusUpdate {
            reason: Some(Reason::Reconciliation),
            ..update(task_id, 0, state)
        };
        sent(self.event(Event::Update(update)))
    }

    pub(crate) fn live(&self) -> Vec<(TaskId, TaskState)> {
        let live = self.core.live_tasks();
        live.map(|(id, state)| (id.clone(), state)).collect()
    }
}

pub(crate) fn framework() -> FrameworkInfo {
    FrameworkInfo {
        name: "bench".to_owned(),
        principal: String::new(),
        roles: vec![Role::default(), "other".parse().unwrap()],
        failover_timeout: Duration::from_secs(60),
    }
}

pub(crate) fn subscribed(epoch: Epoch) -> Event {
    Event::Subscribed {
        framework_id: FRAMEWORK,
        heartbeat_interval: HEARTBEAT,
        master: MasterInfo {
            epoch,
            version: "test".to_owned(),
        },
    }
}

pub(crate) fn offer(epoch: Epoch, number: u64, agent: u64, resources: &str) -> Offer {
    Offer {
        id: OfferId { epoch, number },
        framework_id: FRAMEWORK,
        role: Role::default(),
        agent_id: AgentId::from_bits(agent),
        hostname: format!("host-{agent}"),
        attributes: Default::default(),
        resources: resources.parse::<Resources>().unwrap(),
    }
}

/// An update of agent 1; number 0 is the master's.
pub(crate) fn update(task_id: &TaskId, number: u64, state: TaskState) -> StatusUpdate {
    StatusUpdate {
        task: TaskKey {
            framework_id: FRAMEWORK,
            task_id: task_id.clone(),
        },
        agent_id: Some(AgentId::from_bits(1)),
        number,
        state,
        reason: None,
        message: String::new(),
        exit_code: None,
        usage: Usage::default(),
        outputs: Vec::new(),
        at: Timestamp::default(),
    }
}

pub(crate) fn task(name: &str) -> Task {
    Task::new("file:/guest.wasm".parse().unwrap()).name(name)
}

/// The acknowledgement of an update of agent 1.
pub(crate) fn acknowledge(task_id: &TaskId, number: u64) -> Call {
    Call::Acknowledge {
        agent_id: AgentId::from_bits(1),
        task_id: task_id.clone(),
        number,
    }
}

pub(crate) fn kill(task_id: &TaskId) -> Call {
    Call::Kill {
        task_id: task_id.clone(),
        grace: None,
    }
}

pub(crate) fn reconcile(tasks: &[&TaskId]) -> Call {
    Call::Reconcile {
        tasks: tasks.iter().map(|task_id| (*task_id).clone()).collect(),
    }
}

pub(crate) fn decline(offers: &[&Offer], refuse: Duration) -> Call {
    Call::Decline {
        offer_ids: offers.iter().map(|offer| offer.id).collect(),
        filter: stoker_sdk_scheduler::OfferFilter { refuse },
    }
}

/// The calls of these outputs, which must be nothing else.
pub(crate) fn sent(outputs: Vec<Output>) -> Vec<Call> {
    let call = |output| match output {
        Output::Send(call) => call.call,
        other => panic!("{other:?} is no call"),
    };
    outputs.into_iter().map(call).collect()
}

/// The ids of the tasks that these calls launch.
pub(crate) fn launched(calls: &[Call]) -> Vec<TaskId> {
    let of_operation = |operation: &stoker_types::scheduler::Operation| {
        let stoker_types::scheduler::Operation::Launch { tasks } = operation;
        tasks.iter().map(|task| task.id.clone()).collect::<Vec<_>>()
    };
    let of_call = |call: &Call| match call {
        Call::Accept { operations, .. } => operations.iter().flat_map(of_operation).collect(),
        _ => Vec::new(),
    };
    calls.iter().flat_map(of_call).collect()
}
