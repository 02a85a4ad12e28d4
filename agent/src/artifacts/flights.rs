//! Work that several tasks wait for is done once, and given up when nobody waits for it any more.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
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
    bill: Arc<Bill>,
}

/// A seat on a flight.
#[derive(Clone, Debug)]
pub(super) struct Seat<V: Clone> {
    /// What comes of it.
    pub(super) result: Shared<BoxFuture<'static, V>>,
    /// How far it is.
    pub(super) phase: watch::Receiver<Option<PreparePhase>>,
    /// What it costs.
    pub(super) bill: Arc<Bill>,
}

/// Where the work tells how far it is.
pub(super) type Phase = watch::Sender<Option<PreparePhase>>;

/// The CPU time that work took. It is paid once, by the first who asks.
#[derive(Debug, Default)]
pub(super) struct Bill(AtomicU64);

impl Bill {
    /// The work took this much more.
    pub(super) fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Relaxed);
    }

    /// What nobody has paid yet.
    pub(super) fn take(&self) -> Duration {
        Duration::from_nanos(self.0.swap(0, Relaxed))
    }
}

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
        start: impl FnOnce(Phase, Arc<Bill>) -> BoxFuture<'static, V>,
    ) -> Seat<V> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key)
            && let Some(result) = flight.result.upgrade()
        {
            return Seat {
                result,
                phase: flight.phase.clone(),
                bill: Arc::clone(&flight.bill),
            };
        }
        if flights.len() >= SWEEP_FROM {
            flights.retain(|_, flight| flight.result.upgrade().is_some());
        }
        let (sender, phase) = watch::channel(None);
        let bill = Arc::<Bill>::default();
        let result = start(sender, Arc::clone(&bill)).shared();
        // Its own result was made just now, so it is not over.
        if let Some(weak) = result.downgrade() {
            flights.insert(
                key,
                Flight {
                    result: weak,
                    phase: phase.clone(),
                    bill: Arc::clone(&bill),
                },
            );
        }
        Seat {
            result,
            phase,
            bill,
        }
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
        let first = flights.join("a", move |phase, bill| {
            bill.add(Duration::from_millis(5));
            counted.fetch_add(1, Ordering::Relaxed);
            phase.send_replace(Some(PreparePhase::Fetching));
            async move { finished.await.unwrap() }.boxed()
        });
        let second = flights.join("a", |_, _| unreachable!());
        assert_eq!(*second.phase.borrow(), Some(PreparePhase::Fetching));
        finish.send(7).unwrap();
        assert_eq!((first.result.await, second.result.await), (7, 7));
        let paid = (second.bill.take(), first.bill.take());
        assert_eq!(paid, (Duration::from_millis(5), Duration::ZERO));
        assert_eq!(starts.load(Ordering::Relaxed), 1);
        // When nobody has a seat any more, it is done anew.
        assert_eq!(
            flights.join("a", |_, _| async { 8 }.boxed()).result.await,
            8
        );
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_given_up() {
        let flights: Flights<&str, ()> = Flights::default();
        let (alive, is_over) = oneshot::channel::<()>();
        let seat = flights.join("a", |_, _| {
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
