//! An agent to try things on.

use std::{collections::BTreeMap, time::Duration};

use stoker_agent_core::{Agent, Config, Effect, Input, Record, Recovered};
use stoker_types::{
    Milli, RunnerId, Timestamp,
    agent::{AgentEvent, Launch},
};

use super::builders::{
    START, admitted, config, connected, empty_log, from_master, identity, launch, persist,
    prepared, ready,
};

/// An agent, its clock, and the records that it has given out.
pub(crate) struct Rig {
    pub(crate) agent: Agent,
    pub(crate) now: Timestamp,
    pub(crate) records: Vec<Record>,
    /// What the governor was told last of each runner, in cpus.
    pub(crate) guarantees: BTreeMap<RunnerId, Milli>,
    last_sequence: u64,
}

impl Rig {
    /// A new agent that is not connected.
    pub(crate) fn new() -> Self {
        Self::configured(config())
    }

    /// A new agent with this configuration that is not connected.
    pub(crate) fn configured(config: Config) -> Self {
        let (mut rig, effects) = Self::recovered(config, empty_log());
        assert_eq!(effects, [persist(identity())]);
        assert_eq!(rig.written(), []);
        rig
    }

    /// An agent that starts with this log, and what it does first.
    pub(crate) fn recovered(config: Config, recovered: Recovered) -> (Self, Vec<Effect>) {
        let mut effects = Vec::new();
        let agent = Agent::new(config, 1, START, recovered, &mut effects);
        let mut rig = Self {
            agent,
            now: START,
            records: Vec::new(),
            guarantees: BTreeMap::new(),
            last_sequence: 0,
        };
        rig.note(&mut effects);
        (rig, effects)
    }

    /// A new agent that is registered on stream 1 with a master in term 1.
    pub(crate) fn registered() -> Self {
        let mut rig = Self::new();
        rig.register(1);
        rig
    }

    /// Registers on this stream; returns what follows the admission.
    pub(crate) fn register(&mut self, connection: u64) -> Vec<Effect> {
        self.input(connected(connection));
        self.input(admitted(connection, 1))
    }

    /// One input, and all that it leads to.
    pub(crate) fn input(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.agent.handle(self.now, input, &mut effects);
        self.agent.check_invariants();
        self.note(&mut effects);
        effects
    }

    /// The master says something on stream 1.
    pub(crate) fn master(&mut self, event: AgentEvent) -> Vec<Effect> {
        self.input(from_master(1, 1, event))
    }

    /// All records that were given out are written.
    pub(crate) fn written(&mut self) -> Vec<Effect> {
        self.input(Input::Persisted {
            sequence: self.last_sequence,
        })
    }

    /// All records that were given out are written, and those that have to be are not synced.
    pub(crate) fn written_unsynced(&mut self) -> Vec<Effect> {
        self.input(Input::Written {
            sequence: self.last_sequence,
        })
    }

    /// Time passes, and the deadlines in it.
    pub(crate) fn wait(&mut self, duration: Duration) -> Vec<Effect> {
        let end = self.now.after(duration);
        let mut all = Vec::new();
        while let Some(deadline) = self.agent.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            all.extend(self.input(Input::Tick));
        }
        self.now = end;
        all
    }

    /// Launches a task and brings it to its runner; returns the runner.
    pub(crate) fn running(&mut self, name: &str) -> RunnerId {
        self.running_as(name, launch(name))
    }

    /// The same with a launch that says more.
    pub(crate) fn running_as(&mut self, name: &str, launch: Launch) -> RunnerId {
        self.master(AgentEvent::Launch(Box::new(launch)));
        self.written();
        self.input(prepared(name));
        let mut effects = self.written();
        if let Some(Effect::StartRunner { runner_id, .. }) = effects.first() {
            let runner_id = *runner_id;
            self.input(ready(runner_id));
            effects = self.written();
        }
        let Some(Effect::Launch { runner_id, .. }) = effects.first() else {
            panic!("{name} was not launched: {effects:?}");
        };
        *runner_id
    }

    /// Keeps the records, and checks and hides their numbers. Keeps what the governor is told, which
    /// goes beside everything else, and takes it out.
    fn note(&mut self, effects: &mut Vec<Effect>) {
        effects.retain(|effect| {
            let Effect::Guarantee { runner_id, cpus } = effect else {
                return true;
            };
            let before = self.guarantees.insert(*runner_id, *cpus);
            assert_ne!(before, Some(*cpus), "{runner_id} was told again");
            false
        });
        for effect in effects {
            if let Effect::Persist {
                sequence,
                record,
                durability,
            } = effect
            {
                assert_eq!(*sequence, self.last_sequence + 1);
                assert_eq!(*durability, record.durability());
                self.last_sequence = *sequence;
                *sequence = 0;
                self.records.push(record.clone());
            }
        }
    }
}
