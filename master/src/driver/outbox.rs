//! What is on its way to one peer: a bounded queue between the loop and the peer's stream.
//!
//! Owns the bound. The loop never waits for a peer: a queue that is full is cut, which frees its
//! memory at once, and the stream is told why. Knows nothing of the wire.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// Something that waits in a queue.
pub(crate) trait Weigh {
    /// About how many bytes of memory it holds; cheap to tell.
    fn weight(&self) -> usize;
}

/// Why a stream is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The core, or the peer itself, ended it.
    Finished,
    /// The peer does not read as fast as it is told.
    TooSlow,
    /// The peer sent what cannot be read; and why.
    Nonsense(String),
    /// There are as many peers as the master takes.
    TooManyPeers,
    /// The master is going down.
    ShuttingDown,
}

/// The queue is full: the peer is to be cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The queue of one stream.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    state: Mutex<State<T>>,
    /// The stream waits here for items.
    changed: Notify,
    /// The reader of the peer's calls waits here for the end.
    ended: Notify,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    weight: usize,
    ending: Option<Ending>,
}

/// What the stream takes from its queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// The next items, in order; at least one.
    Items(Vec<T>),
    /// There is nothing more, and this is why.
    End(Ending),
}

/// The items that may wait for one peer.
const MAX_ITEMS: usize = 20_000;
/// The bytes that may wait for one peer.
const MAX_WEIGHT: usize = 16 << 20;

impl<T: Weigh> Outbox<T> {
    pub(crate) fn new() -> Self {
        let state = State {
            items: VecDeque::new(),
            weight: 0,
            ending: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            ended: Notify::new(),
        }
    }

    /// Puts an item behind the others. What comes after the end is dropped.
    pub(crate) fn push(&self, item: T) -> Result<(), Full> {
        let mut state = self.state();
        if state.ending.is_some() {
            return Ok(());
        }
        let weight = item.weight();
        // One item is always taken, however heavy.
        let is_full = !state.items.is_empty()
            && (state.items.len() >= MAX_ITEMS || state.weight + weight > MAX_WEIGHT);
        if is_full {
            return Err(Full);
        }
        state.weight += weight;
        state.items.push_back(item);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Ends the stream after what is in the queue. Only the first end counts.
    pub(crate) fn finish(&self, ending: Ending) {
        self.end(ending, false);
    }

    /// Ends the stream at once: what is in the queue is dropped. Only the first end counts.
    pub(crate) fn cut(&self, ending: Ending) {
        self.end(ending, true);
    }

    fn end(&self, ending: Ending, drops_items: bool) {
        let mut state = self.state();
        if drops_items {
            state.items = VecDeque::new();
            state.weight = 0;
        }
        state.ending.get_or_insert(ending);
        drop(state);
        self.changed.notify_one();
        self.ended.notify_one();
    }

    /// Waits for the next items, at most `limit` of them, or the end. One stream calls this.
    pub(crate) async fn take(&self, limit: usize) -> Taken<T> {
        loop {
            if let Some(taken) = self.try_take(limit) {
                return taken;
            }
            self.changed.notified().await;
        }
    }

    fn try_take(&self, limit: usize) -> Option<Taken<T>> {
        let mut state = self.state();
        if state.items.is_empty() {
            return state.ending.clone().map(Taken::End);
        }
        let count = limit.min(state.items.len());
        let items: Vec<T> = state.items.drain(..count).collect();
        let weight: usize = items.iter().map(Weigh::weight).sum();
        state.weight = state.weight.saturating_sub(weight);
        Some(Taken::Items(items))
    }

    /// Waits until the stream is ended. One reader calls this.
    pub(crate) async fn ended(&self) {
        while self.state().ending.is_none() {
            self.ended.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Item(usize);

    impl Weigh for Item {
        fn weight(&self) -> usize {
            self.0
        }
    }

    #[tokio::test]
    async fn items_come_out_in_order_and_in_bounded_batches() {
        let outbox = Outbox::new();
        for number in 1..=5 {
            outbox.push(Item(number)).unwrap();
        }
        assert_eq!(
            outbox.take(3).await,
            Taken::Items(vec![Item(1), Item(2), Item(3)])
        );
        assert_eq!(outbox.take(3).await, Taken::Items(vec![Item(4), Item(5)]));
    }

    #[tokio::test]
    async fn a_queue_of_too_many_or_too_heavy_items_is_full() {
        let outbox = Outbox::new();
        for _ in 0..MAX_ITEMS {
            outbox.push(Item(1)).unwrap();
        }
        assert_eq!(outbox.push(Item(1)), Err(Full));

        let outbox = Outbox::new();
        outbox.push(Item(MAX_WEIGHT + 1)).unwrap();
        assert_eq!(outbox.push(Item(1)), Err(Full));
        // Room that was read is room again.
        outbox.take(1).await;
        outbox.push(Item(1)).unwrap();
    }

    #[tokio::test]
    async fn an_end_comes_after_what_was_told_and_a_cut_before() {
        let outbox = Outbox::new();
        outbox.push(Item(1)).unwrap();
        outbox.finish(Ending::Finished);
        outbox.push(Item(2)).unwrap();
        assert_eq!(outbox.take(9).await, Taken::Items(vec![Item(1)]));
        assert_eq!(outbox.take(9).await, Taken::End(Ending::Finished));

        let outbox = Outbox::new();
        outbox.push(Item(1)).unwrap();
        outbox.cut(Ending::TooSlow);
        outbox.finish(Ending::Finished);
        assert_eq!(outbox.take(9).await, Taken::End(Ending::TooSlow));
    }

    #[tokio::test]
    async fn both_sides_of_a_stream_hear_of_its_end() {
        let outbox = std::sync::Arc::new(Outbox::<Item>::new());
        let (writer, reader) = (
            std::sync::Arc::clone(&outbox),
            std::sync::Arc::clone(&outbox),
        );
        let writer = tokio::spawn(async move { writer.take(1).await });
        let reader = tokio::spawn(async move { reader.ended().await });
        outbox.cut(Ending::ShuttingDown);
        assert_eq!(writer.await.unwrap(), Taken::End(Ending::ShuttingDown));
        reader.await.unwrap();
    }
}
