//! Work that several tasks wait for is done once, and given up when nobody waits for it any more.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use stoker_agent_core::PreparePhase;
use tokio::sync::watch;

/// Beyond this many entries those that are over are swept out.
const SWEEP_FROM: usize = 64;

/// What is under way, by what it is about.
#[derive(Debug)]
pub(super) struct Flights<K, V: Clone>(Mutex<HashMap<K, Flight<V>>>);

#[derive(Debug)]
struct Flight<V: Clone> {
    result: WeakShared<BoxFuture<'static, V>>,
    phase: watch::Receiver<Option<PreparePhase>>,
}

/// A seat on a flight.
#[derive(Clone, Debug)]
pub(super) struct Seat<V: Clone> {
    /// What comes of it.
    pub(super) result: Shared<BoxFuture<'static, V>>,
    /// How far it is.
    pub(super) phase: watch::Receiver<Option<PreparePhase>>,
}

/// Where the work tells how far it is.
pub(super) type Phase = watch::Sender<Option<PreparePhase>>;

impl<K, V: Clone> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone + Send + Sync + 'static> Flights<K, V> {
    /// Joins the work about `key` that is under way, or starts it. It goes on only while someone
    /// awaits its result.
    pub(super) fn join(
        &self,
        key: K,
        start: impl FnOnce(Phase) -> BoxFuture<'static, V>,
    ) -> Seat<V> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key)
            && let Some(result) = flight.result.upgrade()
        {
            return Seat {
                result,
                phase: flight.phase.clone(),
            };
        }
        if flights.len() >= SWEEP_FROM {
            flights.retain(|_, flight| flight.result.upgrade().is_some());
        }
        let (sender, phase) = watch::channel(None);
        let result = start(sender).shared();
        // Its own result was made just now, so it is not over.
        if let Some(weak) = result.downgrade() {
            flights.insert(
                key,
                Flight {
                    result: weak,
                    phase: phase.clone(),
                },
            );
        }
        Seat { result, phase }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_is_done_once_for_all_who_wait() {
        let flights = Flights::default();
        let starts = Arc::new(AtomicU32::new(0));
        let (finish, finished) = oneshot::channel::<u32>();
        let counted = Arc::clone(&starts);
        let first = flights.join("a", move |phase| {
            counted.fetch_add(1, Ordering::Relaxed);
            phase.send_replace(Some(PreparePhase::Fetching));
            async move { finished.await.unwrap() }.boxed()
        });
        let second = flights.join("a", |_| unreachable!());
        assert_eq!(*second.phase.borrow(), Some(PreparePhase::Fetching));
        finish.send(7).unwrap();
        assert_eq!((first.result.await, second.result.await), (7, 7));
        assert_eq!(starts.load(Ordering::Relaxed), 1);
        // When nobody has a seat any more, it is done anew.
        assert_eq!(flights.join("a", |_| async { 8 }.boxed()).result.await, 8);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_given_up() {
        let flights: Flights<&str, ()> = Flights::default();
        let (alive, is_over) = oneshot::channel::<()>();
        let seat = flights.join("a", |_| {
            async move {
                let _alive = alive;
                std::future::pending().await
            }
            .boxed()
        });
        drop(seat);
        assert!(is_over.await.is_err());
    }
}
