//! The scheduler: what is launched, what is launched again, and when it is over.
//!
//! Owns the state of each piece of work, and decides by it alone: whatever happened, a piece that is
//! neither done nor under way is queued. Maps come first; when all are done, what they left is what
//! the reductions take. Uploads, downloads and the terminal are not its business.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    io,
};

use anyhow::bail;
use stoker_sdk_scheduler::{
    Calls, Offer, Outcome, Reason, Registration, Scheduler, StatusUpdate, Task, TaskId, TaskState,
    Timestamp, take_fitting,
};
use tokio::sync::watch;

use crate::{
    journal::{Journal, Memory},
    plan::{Blob, Piece, Plan},
    tally::Tally,
};

/// A piece that was lost so often is not lost by chance.
const MOST_LAUNCHES: u32 = 10;

/// Counts words: map, shuffle, reduce.
#[derive(Debug)]
pub(crate) struct WordCount {
    plan: Plan,
    journal: Journal,
    /// Whether the others go on when a piece has failed.
    keep_going: bool,
    /// Tasks to launch, in order.
    waiting: VecDeque<Task>,
    /// All tasks that have not ended, those that wait among them.
    tasks: BTreeMap<TaskId, UnderWay>,
    launches: BTreeMap<Piece, u32>,
    done: BTreeMap<Piece, Vec<Blob>>,
    /// Pieces that will not be done, and why.
    failed: BTreeMap<Piece, String>,
    /// Why nothing more can be done at all.
    broken: Option<String>,
    /// How many tasks were lost, by the word for it.
    lost: BTreeMap<String, usize>,
    tally: watch::Sender<Tally>,
}

/// What a task works on, and how far it is.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    piece: Piece,
    /// None while it waits for an offer; `TASK_UNKNOWN` while it is known from the journal only.
    state: Option<TaskState>,
}

impl Scheduler for WordCount {
    type Command = Infallible;

    fn registered(&mut self, _now: Timestamp, registration: &Registration, calls: &mut Calls) {
        if !registration.is_return {
            let written = self.journal.registered(registration.framework_id);
            self.check(written, calls);
        }
        // What has become of the tasks of an earlier life? The answers come as updates.
        let inherited = |task: &UnderWay| task.state == Some(TaskState::Unknown);
        let tasks = self.tasks.iter().filter(|(_, task)| inherited(task));
        calls.reconcile(tasks.map(|(task_id, _)| task_id.clone()));
        self.go_on(calls);
        self.tell();
    }

    fn offers(&mut self, _now: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let tasks = take_fitting(&offer.resources, &mut self.waiting);
            // Without tasks, this declines the offer.
            for task_id in calls.launch(&offer, tasks) {
                self.launched(&task_id, calls);
            }
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
        self.tell();
    }

    fn update(&mut self, _now: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = &update.task.task_id;
        let Some(task) = self.tasks.get_mut(task_id) else {
            // It was given up and runs all the same.
            if Outcome::of(update) == Outcome::Alive && update.state != TaskState::Unknown {
                calls.kill(task_id);
            }
            return;
        };
        task.state = Some(update.state);
        let piece = task.piece;
        match Outcome::of(update) {
            Outcome::Alive if update.state == TaskState::Unreachable => {
                // It may run on and come back, or never. Counting twice does no harm: a piece is
                // done once, by whichever task is heard of.
                calls.kill(task_id);
                self.lose(piece, update, calls);
            }
            Outcome::Alive if update.state == TaskState::Unknown => {
                self.lose(piece, update, calls);
            }
            Outcome::Alive => {}
            Outcome::Succeeded => match self.plan.results(piece, &update.outputs) {
                Some(left) => self.finish(piece, task_id, left, calls),
                // It ended while no one listened, and what it left is not known any more.
                None => self.lose(piece, update, calls),
            },
            Outcome::Lost => self.lose(piece, update, calls),
            Outcome::Failed | Outcome::Killed => self.fail(piece, update, calls),
        }
        self.go_on(calls);
        self.tell();
    }
}

impl WordCount {
    /// Begins where `memory` says that an earlier life got to.
    pub(crate) fn new(plan: Plan, journal: Journal, memory: Memory, keep_going: bool) -> Self {
        let inherit = |(task_id, piece)| {
            let state = Some(TaskState::Unknown);
            (task_id, UnderWay { piece, state })
        };
        let scheduler = Self {
            plan,
            journal,
            keep_going,
            waiting: VecDeque::new(),
            tasks: memory.tasks.into_iter().map(inherit).collect(),
            launches: memory.launches,
            done: memory.done,
            failed: BTreeMap::new(),
            broken: None,
            lost: memory.lost,
            tally: watch::Sender::default(),
        };
        scheduler.tell();
        scheduler
    }

    /// How far it is, from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Tally> {
        self.tally.subscribe()
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.open().is_empty()
    }

    /// Whether it ended with nothing to show.
    pub(crate) fn has_failed(&self) -> bool {
        self.broken.is_some() || !(self.keep_going || self.failed.is_empty())
    }

    /// The pieces that will not be done, and why.
    pub(crate) const fn failed(&self) -> &BTreeMap<Piece, String> {
        &self.failed
    }

    /// What the reductions left; an error if the work broke off.
    pub(crate) fn results(&self) -> anyhow::Result<Vec<Blob>> {
        let failed = self.failed.values().next().filter(|_| self.has_failed());
        if let Some(message) = self.broken.as_ref().or(failed) {
            bail!("{message}");
        }
        if !self.is_done() {
            bail!("it was interrupted");
        }
        let reductions = self.plan.reductions();
        let left = reductions.filter_map(|piece| self.done.get(&piece)?.first().copied());
        Ok(left.collect())
    }

    /// The pieces whose turn it is and that are not done: maps; when there are none, reductions.
    fn open(&self) -> Vec<Piece> {
        let is_open =
            |piece: &Piece| !self.done.contains_key(piece) && !self.failed.contains_key(piece);
        let maps: Vec<Piece> = self.plan.maps().filter(is_open).collect();
        if maps.is_empty() {
            self.plan.reductions().filter(is_open).collect()
        } else {
            maps
        }
    }

    /// Queues what is open and not under way; ends the framework when it is over.
    fn go_on(&mut self, calls: &mut Calls) {
        let open = self.open();
        if open.is_empty() || self.has_failed() {
            return calls.teardown();
        }
        let under_way: BTreeSet<Piece> = self.tasks.values().map(|task| task.piece).collect();
        let missing = open.into_iter().filter(|piece| !under_way.contains(piece));
        let waiting_before = self.waiting.len();
        for piece in missing {
            let task_id = calls.new_task_id(&piece.to_string());
            self.waiting.push_back(self.task(piece).id(task_id.clone()));
            self.tasks.insert(task_id, UnderWay { piece, state: None });
        }
        if self.waiting.len() > waiting_before {
            calls.revive();
        }
    }

    /// The task of a piece. The shuffle is here: a reduction takes its part of each map.
    fn task(&self, piece: Piece) -> Task {
        let task = match piece {
            Piece::Map(number) => self.plan.map_task(number),
            Piece::Reduce(number) => {
                let maps = self.plan.maps().filter_map(|map| self.done.get(&map));
                let parts = maps.filter_map(|left| left.get(number).copied());
                self.plan.reduce_task(number, parts)
            }
        };
        task.name(piece.to_string())
    }

    fn launched(&mut self, task_id: &TaskId, calls: &mut Calls) {
        let Some(task) = self.tasks.get_mut(task_id) else {
            return;
        };
        task.state = Some(TaskState::Staging);
        let piece = task.piece;
        *self.launches.entry(piece).or_default() += 1;
        let written = self.journal.launched(task_id, piece);
        self.check(written, calls);
    }

    fn finish(&mut self, piece: Piece, task_id: &TaskId, left: Vec<Blob>, calls: &mut Calls) {
        self.tasks.remove(task_id);
        let written = self.journal.finished(task_id, piece, &left);
        self.check(written, calls);
        self.done.insert(piece, left);
    }

    /// The task is gone through no fault of its own: the piece is open again, but not for ever.
    fn lose(&mut self, piece: Piece, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = &update.task.task_id;
        let reason = update.reason.map(Reason::as_str);
        let word = reason.unwrap_or(update.state.as_str());
        self.tasks.remove(task_id);
        let written = self.journal.lost(task_id, word);
        self.check(written, calls);
        *self.lost.entry(word.to_owned()).or_default() += 1;
        let launches = self.launches.get(&piece).copied().unwrap_or_default();
        if launches >= MOST_LAUNCHES {
            let last = describe(update);
            let message = format!("{piece} was lost {launches} times, at last: {last}");
            self.failed.insert(piece, message);
        }
    }

    /// The task has failed, and the same again would.
    fn fail(&mut self, piece: Piece, update: &StatusUpdate, calls: &mut Calls) {
        let task_id = &update.task.task_id;
        self.tasks.remove(task_id);
        let written = self.journal.failed(task_id);
        self.check(written, calls);
        self.failed.insert(piece, describe(update));
    }

    /// Without its journal this must not go on: the next life would launch everything again.
    fn check(&mut self, written: io::Result<()>, calls: &mut Calls) {
        if let Err(error) = written {
            self.broken = Some(format!("cannot write the journal: {error}"));
            calls.teardown();
        }
    }

    fn tell(&self) {
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        for task in self.tasks.values() {
            let state = task.state.map_or("waiting", TaskState::as_str);
            *states.entry(state).or_default() += 1;
        }
        let count = |pieces: &mut dyn Iterator<Item = Piece>| {
            pieces.filter(|piece| self.done.contains_key(piece)).count()
        };
        let bytes = |piece| self.plan.text_bytes(piece);
        self.tally.send_replace(Tally {
            maps: (count(&mut self.plan.maps()), self.plan.maps().len()),
            reductions: (
                count(&mut self.plan.reductions()),
                self.plan.reductions().len(),
            ),
            bytes: (
                self.done.keys().copied().map(bytes).sum(),
                self.plan.maps().map(bytes).sum(),
            ),
            states,
            lost: self.lost.clone(),
        });
    }
}

/// What an update says, for people.
fn describe(update: &StatusUpdate) -> String {
    let reason = update.reason.map_or("", Reason::as_str);
    let (task_id, state, message) = (&update.task.task_id, update.state, &update.message);
    format!("{task_id} {state} {reason}: {message}")
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
