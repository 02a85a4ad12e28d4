//! The events of a runner: numbered, and kept until the daemon has them safe.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use stoker_types::{
    TaskUsage, limit,
    runner::{Event, Load, NumberedEvent},
};
use tokio::sync::Notify;

/// Takes events from any thread and gives them to one writer.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of their numbers, without a gap.
    unconfirmed: VecDeque<NumberedEvent>,
    /// The number of the latest event; 0 before the first.
    latest: u64,
    /// All events up to this number have been written to the current connection.
    sent: u64,
    /// How busy the runner is,
    load: Load,
    /// and whether that has been written to the current connection.
    is_load_sent: bool,
    /// What tasks have used, if nobody has been told.
    usages: Vec<TaskUsage>,
}

/// What is to be sent next.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In the order of their numbers.
    pub(crate) events: Vec<NumberedEvent>,
    /// The latest one only.
    pub(crate) load: Option<Load>,
    /// The latest ones only.
    pub(crate) usages: Vec<TaskUsage>,
}

impl Outbox {
    /// Something happened.
    pub(crate) fn push(&self, event: Event) {
        let mut state = self.lock();
        state.latest += 1;
        let number = state.latest;
        state.unconfirmed.push_back(NumberedEvent { number, event });
        drop(state);
        self.changed.notify_one();
    }

    /// The runner is so busy: told once a connection, and not at all if there is a later one before.
    pub(crate) fn report(&self, load: Load) {
        let mut state = self.lock();
        state.load = load;
        state.is_load_sent = false;
        drop(state);
        self.changed.notify_one();
    }

    /// These tasks have used so much; at most as many as a frame may hold. Told once, and not at all
    /// if there is later news before.
    pub(crate) fn tell_usages(&self, usages: Vec<TaskUsage>) {
        if !usages.is_empty() {
            self.lock().usages = usages;
            self.changed.notify_one();
        }
    }

    /// The number of the latest event.
    pub(crate) fn latest(&self) -> u64 {
        self.lock().latest
    }

    /// How many events the daemon has not confirmed.
    pub(crate) fn unconfirmed(&self) -> usize {
        self.lock().unconfirmed.len()
    }

    /// The daemon has all events up to `number`. A number that never was confirms nothing.
    pub(crate) fn confirm(&self, number: u64) {
        let mut state = self.lock();
        if number > state.latest {
            tracing::warn!(
                number,
                latest = state.latest,
                "the daemon confirms what never was"
            );
            return;
        }
        while state
            .unconfirmed
            .front()
            .is_some_and(|event| event.number <= number)
        {
            state.unconfirmed.pop_front();
        }
    }

    /// A new connection: everything that is not confirmed is to be sent again, and the load.
    pub(crate) fn rewind(&self) {
        let mut state = self.lock();
        state.sent = state
            .unconfirmed
            .front()
            .map_or(state.latest, |event| event.number - 1);
        state.is_load_sent = false;
        drop(state);
        self.changed.notify_one();
    }

    /// What is to be sent next, waiting for some. The same events again if they are not
    /// [marked](Self::mark_sent).
    pub(crate) async fn batch(&self) -> Batch {
        loop {
            let batch = self.unsent();
            if !batch.events.is_empty() || batch.load.is_some() || !batch.usages.is_empty() {
                return batch;
            }
            self.changed.notified().await;
        }
    }

    /// All events up to `number` have been written.
    pub(crate) fn mark_sent(&self, number: u64) {
        let mut state = self.lock();
        state.sent = state.sent.max(number);
    }

    /// Whether everything has been written to the current connection.
    pub(crate) fn is_sent(&self) -> bool {
        let state = self.lock();
        state.sent == state.latest
    }

    fn unsent(&self) -> Batch {
        let mut state = self.lock();
        let first = state.unconfirmed.front().map_or(0, |event| event.number);
        let skipped = (state.sent + 1).saturating_sub(first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let was_load_sent = std::mem::replace(&mut state.is_load_sent, true);
        let unsent = state.unconfirmed.iter().skip(skipped);
        Batch {
            events: unsent.take(limit::BATCH_ITEMS).cloned().collect(),
            load: (!was_load_sent).then_some(state.load),
            usages: std::mem::take(&mut state.usages),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that runs under the lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use stoker_types::{FrameworkId, TaskKey};

    use super::*;

    fn event(name: &str) -> Event {
        Event::Started {
            task: TaskKey {
                framework_id: FrameworkId::from_bits(1),
                task_id: name.parse().unwrap(),
            },
        }
    }

    fn numbers(outbox: &Outbox) -> Vec<u64> {
        let events = outbox.unsent().events;
        events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn what_is_not_confirmed_is_sent_again_on_a_new_connection() {
        let outbox = Outbox::default();
        for name in ["a", "b", "c"] {
            outbox.push(event(name));
        }
        assert_eq!(numbers(&outbox), [1, 2, 3]);
        outbox.mark_sent(2);
        assert_eq!(numbers(&outbox), [3]);
        outbox.confirm(1);
        assert_eq!(numbers(&outbox), [3]);
        outbox.rewind();
        assert_eq!(numbers(&outbox), [2, 3]);
        outbox.mark_sent(3);
        assert!(outbox.is_sent());
        outbox.confirm(3);
        outbox.rewind();
        assert_eq!(numbers(&outbox), [] as [u64; 0]);
        outbox.push(event("d"));
        assert_eq!(numbers(&outbox), [4]);
    }

    #[test]
    fn only_the_latest_load_is_sent_and_only_once_a_connection() {
        let outbox = Outbox::default();
        let load = |millis| Load {
            used: std::time::Duration::from_millis(millis),
            ..Load::default()
        };
        outbox.report(load(1));
        outbox.report(load(2));
        assert!(outbox.is_sent(), "no event waits");
        assert_eq!(outbox.unsent().load, Some(load(2)));
        assert_eq!(outbox.unsent().load, None);
        outbox.rewind();
        assert_eq!(outbox.unsent().load, Some(load(2)));
        assert_eq!(outbox.unsent().load, None);
    }

    #[test]
    fn confirming_what_never_was_confirms_nothing() {
        let outbox = Outbox::default();
        outbox.push(event("a"));
        outbox.confirm(7);
        assert_eq!(outbox.unconfirmed(), 1);
    }
}
