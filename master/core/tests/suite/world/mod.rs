//! A small world around a master: three agents, three schedulers, a registry that is slow, and
//! everything that goes wrong, in random order. After each input the invariants hold; when all is
//! healed, every task has ended and everyone who is left knows.
//!
//! Owns what happens and in which order. What an agent or a scheduler does is its own business.

mod agent;
mod heal;
mod registry;
mod scheduler;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use stoker_master_core::{Config, ConnectionId, Effect, Input, Master, OperatorCommand, RequestId};
use stoker_types::{Epoch, TaskKey, Timestamp, agent::AgentCall, scheduler::NumberedCall};

use super::fixture::START;
use agent::SimAgent;
use registry::SimRegistry;
use scheduler::SimScheduler;

/// What may go on at once in this world: small, so that bounds are met.
fn config() -> Config {
    let mut config = Config::default();
    config.limits.tasks_per_framework = 12;
    config.limits.offers_per_framework = 2;
    config.limits.shown_ended_tasks_per_framework = 3;
    config.limits.shown_completed_frameworks = 2;
    config
}

/// One thing that happens: what, to whom, and how.
#[derive(Clone, Copy, Debug)]
struct Event {
    what: u8,
    who: u8,
    how: u8,
}

/// Work goes on most of the time, and something goes wrong every now and then.
fn event() -> impl Strategy<Value = Event> {
    let what = prop_oneof![
        6 => 0..=5_u8,
        12 => 6..=11_u8,
        1 => Just(12),
        4 => 13..=17_u8,
        10 => 18..=20_u8,
        8 => 21..=25_u8,
        1 => Just(26),
        6 => 27..=28_u8,
        8 => Just(29),
        2 => 30..=31_u8,
        1 => 32..=33_u8,
    ];
    (what, 0..3_u8, any::<u8>()).prop_map(|(what, who, how)| Event { what, who, how })
}

/// The whole world.
struct World {
    master: Master,
    epoch: u64,
    now: Timestamp,
    registry: SimRegistry,
    agents: Vec<SimAgent>,
    schedulers: Vec<SimScheduler>,
    /// What peers have said and the master has not heard yet, in order.
    inputs: VecDeque<Input>,
    next_stream: u64,
    next_call: u64,
    next_request: u64,
    /// Every task that was ever started on an agent.
    started: BTreeSet<TaskKey>,
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_micros(START);
        let recovered = SimRegistry::default().recovered();
        let master = Master::new(config(), Epoch::new(1), 1, now, recovered, &mut Vec::new());
        let mut world = Self {
            master,
            epoch: 1,
            now,
            registry: SimRegistry::default(),
            agents: (1..=3).map(SimAgent::new).collect(),
            schedulers: (0..3).map(SimScheduler::new).collect(),
            inputs: VecDeque::new(),
            next_stream: 1,
            next_call: 1,
            next_request: 1,
            started: BTreeSet::new(),
        };
        // At first all is well.
        for who in 0..3 {
            world.agent_registers(who);
            world.scheduler_subscribes(who);
        }
        world.settle();
        world.persist(usize::MAX);
        world.settle();
        world
    }

    /// Gives the master all that is waiting, and hands round what follows.
    fn settle(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            let mut effects = Vec::new();
            self.master.handle(self.now, input, &mut effects);
            self.master.check_invariants();
            self.hand_round(effects);
        }
    }

    fn hand_round(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ToScheduler { connection, event } => {
                    let mut schedulers = self.schedulers.iter_mut();
                    let hears =
                        |scheduler: &&mut SimScheduler| scheduler.stream == Some(connection.0);
                    if let Some(scheduler) = schedulers.find(hears) {
                        scheduler.hear(event, &self.registry);
                    }
                }
                Effect::ToAgent { connection, event } => {
                    let mut agents = self.agents.iter_mut();
                    let hears = |agent: &&mut SimAgent| agent.stream == Some(connection.0);
                    if let Some(agent) = agents.find(hears) {
                        let calls = agent.hear(event, self.now, &mut self.started);
                        let say = |call| Input::Agent { connection, call };
                        self.inputs.extend(calls.into_iter().map(say));
                    }
                }
                Effect::Disconnect { connection } => self.hang_up(connection),
                Effect::Persist {
                    sequence,
                    operation,
                } => self.registry.write(sequence, operation),
                Effect::Reply { .. } | Effect::Changed(_) => {}
            }
        }
    }

    /// The master ended a stream.
    fn hang_up(&mut self, connection: ConnectionId) {
        let ended = Some(connection.0);
        for agent in self.agents.iter_mut().filter(|agent| agent.stream == ended) {
            agent.stream = None;
        }
        let schedulers = self.schedulers.iter_mut();
        for scheduler in schedulers.filter(|scheduler| scheduler.stream == ended) {
            scheduler.lose_stream();
        }
        self.inputs
            .push_back(Input::SchedulerDisconnected { connection });
    }

    const fn stream(&mut self) -> u64 {
        self.next_stream += 1;
        self.next_stream
    }

    // ---- What peers do. ----

    fn agent_says(&mut self, who: usize, calls: Vec<AgentCall>) {
        if let Some(stream) = self.agents[who].stream {
            let connection = ConnectionId(stream);
            let say = |call| Input::Agent { connection, call };
            self.inputs.extend(calls.into_iter().map(say));
        }
    }

    fn agent_registers(&mut self, who: usize) {
        let stream = self.stream();
        let calls = self.agents[who].register(stream);
        self.agent_says(who, calls);
    }

    fn agent_lost(&mut self, who: usize) {
        if let Some(stream) = self.agents[who].stream.take() {
            let connection = ConnectionId(stream);
            self.inputs
                .push_back(Input::AgentDisconnected { connection });
        }
    }

    fn scheduler_says(&mut self, who: usize, calls: Vec<stoker_types::scheduler::Call>) {
        if let Some(stream) = self.schedulers[who].stream {
            for call in calls {
                self.next_call += 1;
                let call_id = self.next_call;
                self.inputs.push_back(Input::Scheduler {
                    connection: ConnectionId(stream),
                    call: NumberedCall { call_id, call },
                });
            }
        }
    }

    fn scheduler_subscribes(&mut self, who: usize) {
        let stream = self.stream();
        let call = self.schedulers[who].subscribe(stream);
        self.scheduler_says(who, vec![call]);
    }

    fn scheduler_lost(&mut self, who: usize) {
        if let Some(stream) = self.schedulers[who].stream {
            self.schedulers[who].lose_stream();
            let connection = ConnectionId(stream);
            self.inputs
                .push_back(Input::SchedulerDisconnected { connection });
        }
    }

    fn operator(&mut self, command: OperatorCommand) {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.inputs.push_back(Input::Operator { request, command });
    }

    // ---- What happens by itself. ----

    /// The registry confirms up to `count` writes, by one word for all.
    fn persist(&mut self, count: usize) {
        if let Some(sequence) = self.registry.confirm(count) {
            self.inputs.push_back(Input::Persisted { sequence });
        }
    }

    /// Time passes with all its ticks.
    fn pass(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        while let Some(deadline) = self.master.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.inputs.push_back(Input::Tick);
            self.settle();
        }
        self.now = end;
    }

    /// Time jumps: everything that was due meanwhile is due at once.
    fn jump(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        self.inputs.push_back(Input::Tick);
    }

    /// The master dies, with the writes that were not confirmed, or without; another one starts.
    fn restart_master(&mut self, writes_survive: bool) {
        self.inputs.clear();
        self.registry.crash(writes_survive);
        for agent in &mut self.agents {
            agent.stream = None;
        }
        for scheduler in &mut self.schedulers {
            scheduler.lose_stream();
        }
        self.epoch += 1;
        let mut effects = Vec::new();
        let recovered = self.registry.recovered();
        let epoch = Epoch::new(self.epoch);
        self.master = Master::new(
            config(),
            epoch,
            self.epoch,
            self.now,
            recovered,
            &mut effects,
        );
        self.master.check_invariants();
        self.hand_round(effects);
    }

    fn happen(&mut self, event: Event) {
        let (who, how) = (usize::from(event.who), event.how);
        match event.what {
            0 => self.agent_registers(who),
            1 | 2 => {
                if self.agents[who].stream.is_none() {
                    self.agent_registers(who);
                }
            }
            3 => self.agent_lost(who),
            // The link is cut; the master does not know yet.
            4 => self.agents[who].stream = None,
            5 => {
                self.agent_lost(who);
                self.agents[who].reboot();
            }
            6..=10 => {
                let calls = self.agents[who].step(how, self.now);
                self.agent_says(who, calls);
            }
            11 => {
                let calls = self.agents[who].resend();
                self.agent_says(who, calls);
            }
            12 => {
                let calls = self.agents[who].talk_nonsense(how, self.now, &self.schedulers);
                self.agent_says(who, calls);
            }
            13 => self.scheduler_subscribes(who),
            14 | 15 => {
                if self.schedulers[who].stream.is_none() {
                    self.scheduler_subscribes(who);
                }
            }
            16 => self.scheduler_lost(who),
            17 => self.schedulers[who].lose_stream(),
            18..=25 => {
                let may_reuse = self.epoch == 1;
                let calls = self.schedulers[who].act(event.what, how, may_reuse);
                self.scheduler_says(who, calls);
            }
            26 => {
                let calls = self.schedulers[who].talk_nonsense(how);
                self.scheduler_says(who, calls);
            }
            27 | 28 => self.persist(usize::from(how % 3) + 1),
            29 => self.pass(Duration::from_millis(u64::from(how) * 10)),
            30 => self.pass(Duration::from_secs(u64::from(how) / 3)),
            31 => self.jump(Duration::from_secs(u64::from(how))),
            32 if how < 128 => self.restart_master(how % 2 == 0),
            33 if how < 128 => self.tear_down(who, how),
            _ => self.persist(usize::MAX),
        }
        self.settle();
    }

    fn tear_down(&mut self, who: usize, how: u8) {
        let Some(framework_id) = self.schedulers[who].id else {
            return;
        };
        if how.is_multiple_of(2) {
            self.operator(OperatorCommand::TeardownFramework { framework_id });
        } else {
            self.scheduler_says(who, vec![stoker_types::scheduler::Call::Teardown]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_invariants_hold_and_after_healing_every_task_has_ended(
        events in proptest::collection::vec(event(), 1..250)
    ) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
        }
        world.heal();
    }
}
