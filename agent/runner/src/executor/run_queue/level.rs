//! One level of the queue: members that compete, and the clock of their competition.
//!
//! A level knows nothing of what its members are: tenants compete in the one at the top, the tasks
//! of a tenant in another.

use std::{collections::BTreeSet, time::Duration};

use super::virtual_time::{VirtualTime, Weight};

/// How far a member may be behind its level's clock, in CPU time of one that has a whole core.
///
/// One that slept gets this much ahead of the others when it wakes, however long it slept. One that
/// cannot use what it is entitled to (a task has one thread, whatever it weighs) claims no more
/// than this later.
pub(super) const CREDIT: Duration = Duration::from_millis(5);

/// Members in competition.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// Where a member stands that got exactly its share; never goes back.
    clock: VirtualTime,
    /// The weights of all members that compete.
    weight: u64,
    ready: BTreeSet<Key>,
}

/// The place of a member among those that can be picked: the least goes first, and of several as
/// far as each other, the one that came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    virtual_time: VirtualTime,
    ticket: u64,
    member: u32,
}

/// What a level knows of a member.
#[derive(Debug)]
pub(super) struct Standing {
    weight: Weight,
    virtual_time: VirtualTime,
    /// Where it is listed, if it can be picked.
    key: Option<Key>,
    /// Whether it runs or can be picked, and so holds others up.
    competes: bool,
}

impl Standing {
    /// A newcomer to `level`: no worse and no better off than one that got its share so far.
    pub(super) const fn new(level: &Level, weight: Weight) -> Self {
        Self {
            weight,
            virtual_time: level.clock,
            key: None,
            competes: false,
        }
    }

    /// What it weighs.
    pub(super) const fn weight(&self) -> Weight {
        self.weight
    }
}

impl Level {
    /// The member to run now.
    pub(super) fn first(&mut self) -> Option<u32> {
        let first = self.ready.first()?;
        // Whoever is picked is not behind any other that can be: where some cannot use what they
        // are entitled to, the rest gets further than its share of the whole.
        self.clock = self.clock.max(first.virtual_time);
        Some(first.member)
    }

    /// Takes a member in or out of the competition, and in or out of those that can be picked: with
    /// a ticket, its turn among those as far as itself, if it can. None can that does not compete.
    pub(super) fn place(
        &mut self,
        standing: &mut Standing,
        member: u32,
        competes: bool,
        ticket: Option<u64>,
    ) {
        if competes != standing.competes {
            standing.competes = competes;
            let weight = standing.weight.thousandths();
            self.weight = if competes {
                self.weight + weight
            } else {
                self.weight - weight
            };
        }
        match (ticket, standing.key) {
            (Some(ticket), None) => self.list(standing, member, ticket),
            (None, Some(key)) => {
                self.ready.remove(&key);
                standing.key = None;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn list(&mut self, standing: &mut Standing, member: u32, ticket: u64) {
        self.forgive(standing);
        let key = Key {
            virtual_time: standing.virtual_time,
            ticket,
            member,
        };
        self.ready.insert(key);
        standing.key = Some(key);
    }

    /// Takes from `standing` what it did not use and may not keep.
    fn forgive(&self, standing: &mut Standing) {
        let credit = VirtualTime::of(CREDIT, Weight::of_sum(1000));
        standing.virtual_time = standing.virtual_time.max(self.clock.minus(credit));
    }

    /// A member has used `cpu` time.
    pub(super) fn charge(&mut self, standing: &mut Standing, cpu: Duration) {
        standing.virtual_time += VirtualTime::of(cpu, standing.weight);
        // What was spent for one that waits was spent elsewhere: nobody here was held up by it.
        if standing.competes {
            self.clock += VirtualTime::of(cpu, Weight::of_sum(self.weight));
        }
        if let Some(key) = standing.key {
            self.ready.remove(&key);
            self.list(standing, key.member, key.ticket);
        }
    }

    /// Changes what a member weighs.
    pub(super) fn reweigh(&mut self, standing: &mut Standing, weight: Weight) {
        if standing.competes {
            self.weight = self.weight - standing.weight.thousandths() + weight.thousandths();
        }
        standing.weight = weight;
    }

    /// Whether no member can be picked.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether a member runs or can be picked.
    pub(super) const fn has_competitors(&self) -> bool {
        self.weight > 0
    }
}
