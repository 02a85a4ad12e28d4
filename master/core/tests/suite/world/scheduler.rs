//! A scheduler that launches, declines, kills and acknowledges at random, and checks what it hears.

use std::collections::BTreeMap;

use stoker_types::{
    AgentId, FrameworkId, FrameworkInfo, Offer, OfferFilter, OfferId, StatusUpdate, TaskId,
    TaskState,
    scheduler::{Call, Event, Operation},
};

use super::{super::fixture, registry::SimRegistry};

/// What it knows of a task that it asked for.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The last number that it saw.
    seen: u64,
    /// Its end, if it heard of it.
    end: Option<TaskState>,
    /// Whether the end was numbered: then it is final.
    is_final: bool,
}

#[derive(Clone, Debug)]
pub(super) struct SimScheduler {
    number: usize,
    pub(super) stream: Option<u64>,
    pub(super) id: Option<FrameworkId>,
    is_subscribed: bool,
    offers: Vec<Offer>,
    tasks: BTreeMap<TaskId, Known>,
    /// What is to be acknowledged.
    unacknowledged: Vec<(AgentId, TaskId, u64)>,
    next_task: u64,
}

impl SimScheduler {
    pub(super) const fn new(number: usize) -> Self {
        Self {
            number,
            stream: None,
            id: None,
            is_subscribed: false,
            offers: Vec::new(),
            tasks: BTreeMap::new(),
            unacknowledged: Vec::new(),
            next_task: 0,
        }
    }

    /// The second one is ephemeral, the third has two roles.
    fn info(&self) -> FrameworkInfo {
        let mut info = match self.number {
            1 => fixture::ephemeral_info(),
            _ => fixture::framework_info(),
        };
        if self.number == 2 {
            info.roles.push(fixture::role("web"));
        }
        info
    }

    pub(super) fn subscribe(&mut self, stream: u64) -> Call {
        self.lose_stream();
        self.stream = Some(stream);
        fixture::subscribe(self.info(), self.id)
    }

    pub(super) fn lose_stream(&mut self) {
        self.stream = None;
        self.is_subscribed = false;
        // Offers do not outlive their stream.
        self.offers.clear();
    }

    /// A framework that is over is followed by a new one, with tasks of its own.
    fn start_over(&mut self) {
        self.id = None;
        self.tasks.clear();
        self.unacknowledged.clear();
    }

    pub(super) fn hear(&mut self, event: Event, registry: &SimRegistry) {
        match event {
            Event::Subscribed { framework_id, .. } => {
                assert!(self.id.is_none_or(|id| id == framework_id), "another id");
                // Invariant 6: what is promised is confirmed.
                let is_ephemeral = self.info().is_ephemeral();
                assert!(
                    is_ephemeral || registry.holds(framework_id),
                    "{framework_id}"
                );
                self.id = Some(framework_id);
                self.is_subscribed = true;
            }
            Event::Offers(offers) => {
                assert!(self.is_subscribed, "offers before the subscription");
                self.offers.extend(offers);
            }
            Event::Rescind { offer_id } => self.offers.retain(|offer| offer.id != offer_id),
            Event::Update(update) => self.hear_update(update),
            Event::Refused { .. } | Event::Heartbeat => {}
            Event::Error { retry, .. } => {
                let is_gone = self.id.is_some_and(|id| !registry.holds(id));
                if !retry && is_gone {
                    self.start_over();
                }
            }
        }
    }

    fn hear_update(&mut self, update: StatusUpdate) {
        let is_ephemeral = self.info().is_ephemeral();
        let task_id = update.task.task_id;
        assert_eq!(
            Some(update.task.framework_id),
            self.id,
            "another framework's task"
        );
        let Some(known) = self.tasks.get_mut(&task_id) else {
            assert_eq!(update.number, 0, "{task_id} was never asked for");
            return;
        };
        if update.number == 0 && update.state == TaskState::Error {
            // The answer to a second use of its id: it says nothing of the first.
            return;
        }
        // Invariant 4: in order, and an end is final. A master that held an ephemeral framework for
        // over has acknowledged in its place what it never heard.
        let may_miss = is_ephemeral && update.number > 1;
        assert!(
            may_miss || update.number <= known.seen + 1,
            "{task_id}#{} is ahead",
            update.number
        );
        if known.is_final && update.state != TaskState::Unknown && update.number == 0 {
            assert_eq!(Some(update.state), known.end, "{task_id} ended twice");
        }
        if update.number > known.seen {
            assert!(
                !known.is_final,
                "{task_id}#{} is after its end",
                update.number
            );
            known.seen = update.number;
        }
        let is_end = update.state.is_terminal() || update.state == TaskState::Unknown;
        if is_end && !known.is_final {
            known.end = Some(update.state);
            known.is_final = update.number > 0;
        }
        if let Some(agent_id) = update.agent_id.filter(|_| update.number > 0) {
            self.unacknowledged.push((agent_id, task_id, update.number));
        }
    }

    /// One of the things that schedulers do.
    pub(super) fn act(&mut self, what: u8, how: u8, may_reuse: bool) -> Vec<Call> {
        let filter = OfferFilter {
            refuse: std::time::Duration::from_secs(u64::from(how % 8)),
        };
        match what {
            18..=20 => self.accept(how, filter, may_reuse),
            21 => self.take_offers(how).map_or_else(Vec::new, |offer_ids| {
                vec![Call::Decline { offer_ids, filter }]
            }),
            22 => {
                let roles = Vec::new();
                vec![if how.is_multiple_of(4) {
                    Call::Suppress { roles }
                } else {
                    Call::Revive { roles }
                }]
            }
            23 => {
                let position = usize::from(how) % self.tasks.len().max(1);
                let task_id = self.tasks.keys().nth(position).cloned();
                let grace = None;
                task_id.map_or_else(Vec::new, |task_id| vec![Call::Kill { task_id, grace }])
            }
            24 => self.acknowledge_all(),
            _ => vec![Call::Reconcile { tasks: Vec::new() }],
        }
    }

    /// The first offer, and further ones of the same agent if there are.
    fn take_offers(&mut self, how: u8) -> Option<Vec<OfferId>> {
        let position = usize::from(how) % self.offers.len().max(1);
        let first = self.offers.get(position)?.clone();
        let (taken, rest) = self
            .offers
            .drain(..)
            .partition(|offer| offer.agent_id == first.agent_id && offer.role == first.role);
        self.offers = rest;
        let taken: Vec<Offer> = taken;
        Some(taken.iter().map(|offer| offer.id).collect())
    }

    fn accept(&mut self, how: u8, filter: OfferFilter, may_reuse: bool) -> Vec<Call> {
        let Some(offer_ids) = self.take_offers(how) else {
            return Vec::new();
        };
        let mut tasks = Vec::new();
        for size in 0..=how % 4 {
            self.next_task += 1;
            let id = format!("t{}", self.next_task);
            let resources = [
                "cpus=1;mem=512MiB",
                "cpus=0.5;mem=1GiB;fuel=100",
                "cpus=2;mem=3GiB",
            ];
            tasks.push(fixture::task_of(&id, resources[usize::from(size) % 3]));
            self.tasks.insert(fixture::task_id(&id), Known::default());
        }
        // An id that was used before is never launched again.
        let is_used = self.tasks.contains_key(&fixture::task_id("t1"));
        if may_reuse && is_used && how.is_multiple_of(5) {
            tasks.push(fixture::task_of("t1", "cpus=0.1;mem=1MiB"));
        }
        let operations = vec![Operation::Launch { tasks }];
        vec![Call::Accept {
            offer_ids,
            operations,
            filter,
        }]
    }

    pub(super) fn acknowledge_all(&mut self) -> Vec<Call> {
        if !self.is_subscribed {
            return Vec::new();
        }
        let unacknowledged = std::mem::take(&mut self.unacknowledged).into_iter();
        unacknowledged
            .map(|(agent_id, task_id, number)| Call::Acknowledge {
                agent_id,
                task_id,
                number,
            })
            .collect()
    }

    /// Asks for every task whose end it has not heard of.
    pub(super) fn reconcile(&self) -> Vec<Call> {
        let tasks: Vec<TaskId> = self.open_tasks();
        tasks
            .chunks(12)
            .map(|tasks| Call::Reconcile {
                tasks: tasks.to_vec(),
            })
            .collect()
    }

    /// The tasks whose end it has not heard of.
    pub(super) fn open_tasks(&self) -> Vec<TaskId> {
        let tasks = self.tasks.iter();
        tasks
            .filter(|(_, known)| known.end.is_none())
            .map(|(task_id, _)| task_id.clone())
            .collect()
    }

    pub(super) const fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    /// What no scheduler should say.
    pub(super) fn talk_nonsense(&self, how: u8) -> Vec<Call> {
        let unknown = fixture::offer_id(10_000 + u64::from(how));
        vec![match how % 7 {
            0 => fixture::subscribe(self.info(), self.id),
            1 => Call::Decline {
                offer_ids: vec![unknown, unknown],
                filter: OfferFilter::default(),
            },
            2 => Call::Accept {
                offer_ids: vec![unknown],
                operations: vec![Operation::Launch {
                    tasks: vec![fixture::task("void")],
                }],
                filter: OfferFilter::default(),
            },
            3 => fixture::acknowledge(2, "never", 3),
            5 => Call::Message {
                agent_id: AgentId::from_bits(1),
                task_id: fixture::task_id("t1"),
                data: vec![how],
            },
            4 => Call::Revive {
                roles: vec![fixture::role("foreign")],
            },
            _ => Call::Reconcile {
                tasks: vec![fixture::task_id("never")],
            },
        }]
    }
}
