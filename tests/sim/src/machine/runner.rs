//! A runner's process: it lives apart from its daemon, runs tasks, and keeps each event until it
//! is confirmed.
//!
//! Owns what the real one keeps: its tasks, its events, its side of the socket. A task does what
//! its arguments say.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use stoker_types::{
    Reason, RunnerId, TaskInfo, TaskKey,
    runner::{Event, NumberedEvent, Outcome, Welcome},
};

use crate::{moment::Moment, network::Pipe};

/// What a daemon sends to a runner.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// The first word of a life of a daemon.
    Hello {
        life: u64,
        confirmed: u64,
    },
    Launch {
        key: TaskKey,
        behaviour: Behaviour,
    },
    Kill(TaskKey),
    Confirm(u64),
    Shutdown,
}

/// What a runner says to its daemon. After the last word the process is over.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    Welcome(Welcome),
    Event(NumberedEvent),
}

/// What a task does, as its arguments say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// How long it runs; for ever if it does not end by itself.
    pub(crate) runs: Option<Duration>,
    pub(crate) outcome: Outcome,
}

impl Behaviour {
    /// The arguments that say so.
    pub(crate) fn arguments(runs: Option<Duration>, end: &str) -> Vec<String> {
        let runs = runs.map_or_else(
            || "for-ever".to_owned(),
            |time| time.as_micros().to_string(),
        );
        vec![runs, end.to_owned()]
    }

    pub(crate) fn of(task: &TaskInfo) -> Self {
        let argument = |index: usize| task.arguments.get(index).map_or("", String::as_str);
        let outcome = match argument(1) {
            "trap" => Outcome::Failed {
                reason: Reason::Trap,
                message: "unreachable".to_owned(),
            },
            code => Outcome::Exited {
                code: code.parse().unwrap_or(0),
            },
        };
        Self {
            runs: argument(0).parse().ok().map(Duration::from_micros),
            outcome,
        }
    }

    pub(crate) fn ends_well(&self) -> bool {
        self.outcome == Outcome::Exited { code: 0 }
    }
}

/// A task in a runner.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) behaviour: Behaviour,
    pub(crate) stage: Stage,
    /// Counts its steps: an event in the queue is for one of them.
    pub(crate) step: u64,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its module is being instantiated.
    Starting,
    /// Its module runs.
    Runs,
    /// It was told to end.
    Ending,
}

/// The process.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) id: RunnerId,
    pub(crate) is_alive: bool,
    /// The life of the daemon that it is connected to.
    pub(crate) daemon: Option<u64>,
    pub(crate) tasks: BTreeMap<TaskKey, Running>,
    pub(crate) inbox: Pipe<Order>,
    pub(crate) outbox: Pipe<Word>,
    pub(crate) alone_since: Moment,
    pub(crate) paused_until: Moment,
    unconfirmed: VecDeque<NumberedEvent>,
    latest: u64,
}

impl Runner {
    pub(crate) fn new(id: RunnerId, now: Moment) -> Self {
        Self {
            id,
            is_alive: true,
            daemon: None,
            tasks: BTreeMap::new(),
            inbox: Pipe::default(),
            outbox: Pipe::default(),
            alone_since: now,
            paused_until: Moment::default(),
            unconfirmed: VecDeque::new(),
            latest: 0,
        }
    }

    /// Something happened: it is kept, and to be sent to the daemon that is connected.
    pub(crate) fn note(&mut self, event: Event) -> NumberedEvent {
        self.latest += 1;
        let number = self.latest;
        let event = NumberedEvent { number, event };
        self.unconfirmed.push_back(event.clone());
        event
    }

    pub(crate) fn confirm(&mut self, number: u64) {
        while self
            .unconfirmed
            .pop_front_if(|event| event.number <= number)
            .is_some()
        {}
    }

    /// A new daemon is let in: what it is told first, and what it may have missed.
    pub(crate) fn let_in(&mut self, life: u64, confirmed: u64) -> Vec<Word> {
        self.confirm(confirmed);
        self.daemon = Some(life);
        let welcome = Welcome {
            runner_id: self.id,
            pid: 1,
            protocol_version: stoker_types::runner::PROTOCOL_VERSION,
            tasks: self.tasks.keys().cloned().collect(),
            last_event: self.latest,
            slots: 1000,
        };
        let missed = self.unconfirmed.iter().cloned().map(Word::Event);
        std::iter::once(Word::Welcome(welcome))
            .chain(missed)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use stoker_types::FrameworkId;

    use super::*;

    #[test]
    fn a_new_daemon_is_told_what_no_one_confirmed() {
        let framework_id = FrameworkId::from_bits(1);
        let task = TaskKey {
            framework_id,
            task_id: "a".parse().unwrap(),
        };
        let mut runner = Runner::new(RunnerId::from_bits(1), Moment::default());
        for _ in 0..3 {
            runner.note(Event::Started { task: task.clone() });
        }
        runner.confirm(1);
        let words = runner.let_in(2, 2);
        assert_eq!(words.len(), 2);
        assert!(matches!(&words[0], Word::Welcome(welcome) if welcome.last_event == 3));
        assert!(matches!(&words[1], Word::Event(event) if event.number == 3));
    }
}
