//! The tasks of a runner that have not ended, and what of their use is news.
//!
//! Owns the table. Who enters a task and who takes it out is `host`'s business.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stoker_types::{TaskKey, TaskUsage, Usage};
use tokio::{
    runtime::Handle,
    sync::{Notify, futures::Notified},
    time::{Instant, sleep_until},
};

use crate::{executor::Stopper, metering::Account};

/// A task that has not ended.
#[derive(Debug)]
pub(super) struct Live {
    stopper: Stopper,
    account: Arc<Account>,
    /// How many slices it had when its use was last told.
    told_slices: u64,
    /// When it is ended, if it was asked to end by itself.
    ends_at: Option<Instant>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    by_key: Mutex<BTreeMap<TaskKey, Live>>,
    /// Told when the last one has ended.
    none_left: Notify,
    /// Told when there is one after there was none.
    some: Notify,
    /// Where the next look for news begins.
    next_news: Mutex<Option<TaskKey>>,
}

/// The table while it is looked at or changed.
#[derive(Debug)]
pub(super) struct Table<'a> {
    by_key: MutexGuard<'a, BTreeMap<TaskKey, Live>>,
    some: &'a Notify,
}

impl Live {
    pub(super) const fn new(stopper: Stopper, account: Arc<Account>) -> Self {
        Self {
            stopper,
            account,
            told_slices: 0,
            ends_at: None,
        }
    }

    /// Ends it: at once if its module has no function to be told by, and otherwise after this grace,
    /// or an earlier one that it was given before.
    pub(super) fn kill(&mut self, grace: Duration, control: &Handle) {
        if grace.is_zero() || !self.stopper.ask() {
            self.stop();
            return;
        }
        let at = Instant::now() + grace;
        if self.ends_at.is_some_and(|earlier| earlier <= at) {
            return;
        }
        self.ends_at = Some(at);
        let stopper = self.stopper.clone();
        // It has nothing to do for a task that has ended by then.
        drop(control.spawn(async move {
            sleep_until(at).await;
            stopper.stop();
        }));
    }

    /// Ends it at once.
    pub(super) fn stop(&self) {
        self.stopper.stop();
    }

    /// What it has used; that is told then.
    fn tell(&mut self) -> Usage {
        self.told_slices = self.account.slices();
        self.account.usage()
    }

    /// Whether it ran since its use was last told. One that waits uses nothing.
    fn has_run(&self) -> bool {
        self.account.slices() != self.told_slices
    }
}

impl Tasks {
    /// The table, locked.
    pub(super) fn lock(&self) -> Table<'_> {
        Table {
            // No code that runs under the lock can leave it half done.
            by_key: self.by_key.lock().unwrap_or_else(PoisonError::into_inner),
            some: &self.some,
        }
    }

    /// The names of all tasks.
    pub(super) fn keys(&self) -> Vec<TaskKey> {
        self.lock().by_key.keys().cloned().collect()
    }

    /// Resolves when the last task has ended after this call.
    pub(super) fn none_left(&self) -> Notified<'_> {
        self.none_left.notified()
    }

    pub(super) fn tell_none_left(&self) {
        self.none_left.notify_waiters();
    }

    /// Resolves when there is a task.
    pub(super) async fn some(&self) {
        loop {
            // One that is told while nobody waits is kept for the next one who does.
            let some = self.some.notified();
            if !self.lock().is_empty() {
                return;
            }
            some.await;
        }
    }

    /// Divides what was used for all tasks among those that ran since their use was last told, or
    /// among all if none did.
    pub(super) fn share_out(&self, cpu: Duration) {
        let table = self.lock();
        let mut sharers: Vec<&Live> = table.values().filter(|live| live.has_run()).collect();
        if sharers.is_empty() {
            sharers.extend(table.values());
        }
        let count = u32::try_from(sharers.len()).unwrap_or(u32::MAX);
        // None of a runner without tasks.
        if let Some(share) = cpu.checked_div(count) {
            sharers.iter().for_each(|live| live.account.add_cpu(share));
        }
    }

    /// What at most so many tasks have used that ran since their use was last told. Where there are
    /// more, those that are left out come first the next time.
    pub(super) fn news(&self, most: usize) -> Vec<TaskUsage> {
        let mut next = self
            .next_news
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut table = self.lock();
        let first = table.by_key.keys().next().cloned();
        let Some(start) = next.take().or(first) else {
            return Vec::new();
        };
        let around = table
            .by_key
            .range(&start..)
            .chain(table.by_key.range(..&start));
        let has_run = around.filter(|(_, live)| live.has_run());
        let mut keys: Vec<TaskKey> = has_run.map(|(key, _)| key.clone()).take(most + 1).collect();
        if keys.len() > most {
            *next = keys.pop();
        }
        let tell = |task: TaskKey| {
            let usage = table.by_key.get_mut(&task)?.tell();
            Some(TaskUsage { task, usage })
        };
        keys.into_iter().filter_map(tell).collect()
    }

    /// A daemon that knows nothing yet is to be told of all that ran.
    pub(super) fn forget_told(&self) {
        for live in self.lock().by_key.values_mut() {
            live.told_slices = 0;
        }
    }
}

impl Table<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn get(&self, key: &TaskKey) -> Option<&Live> {
        self.by_key.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &TaskKey) -> Option<&mut Live> {
        self.by_key.get_mut(key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Live> {
        self.by_key.values()
    }

    pub(super) fn insert(&mut self, key: TaskKey, live: Live) {
        if self.by_key.is_empty() {
            self.some.notify_one();
        }
        self.by_key.insert(key, live);
    }

    pub(super) fn remove(&mut self, key: &TaskKey) {
        self.by_key.remove(key);
    }
}
