//! One direction of a stream: ordered, as TCP is. What was sent arrives in its order or, from some
//! point on, never.
//!
//! Owns what is on its way. Who sends and who hears is `network`'s business, or a runner's.

use std::{collections::VecDeque, time::Duration};

use crate::{moment::Moment, random::Random};

/// Messages on their way.
#[derive(Clone, Debug)]
pub(crate) struct Pipe<M> {
    items: VecDeque<(Moment, Item<M>)>,
    /// When the latest one arrives: none is faster than one before it.
    latest: Moment,
    /// Whether nothing more enters.
    is_closed: bool,
    /// Whether an event is in the queue for the first one.
    is_armed: bool,
}

#[derive(Clone, Debug)]
enum Item<M> {
    Message(M),
    End,
}

impl<M> Default for Pipe<M> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            latest: Moment::default(),
            is_closed: false,
            is_armed: false,
        }
    }
}

impl<M> Pipe<M> {
    /// Sends something; it is lost if the pipe is closed.
    pub(crate) fn push(&mut self, at: Moment, message: M) {
        self.put(at, Item::Message(message));
    }

    /// Closes it behind all that was sent: the other side will hear of the end.
    pub(crate) fn end(&mut self, at: Moment) {
        self.put(at, Item::End);
        self.is_closed = true;
    }

    fn put(&mut self, at: Moment, item: Item<M>) {
        if !self.is_closed {
            self.latest = self.latest.max(at);
            self.items.push_back((self.latest, item));
        }
    }

    /// Some of what is on its way, from a random point on, never arrives.
    pub(crate) fn lose_tail(&mut self, random: &mut Random) {
        let kept = random.index(self.items.len() + 1);
        self.items.truncate(kept);
    }

    /// What is on its way takes longer.
    pub(crate) fn delay(&mut self, by: Duration) {
        for (at, _) in &mut self.items {
            *at = at.after(by);
        }
        self.latest = self.latest.after(by);
    }

    /// Nothing more enters, and the other side will not hear of it.
    pub(crate) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Nothing that is on its way arrives.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }

    /// Loses one message and goes on. No stream does that: this is for a planted bug.
    pub(crate) fn lose_last(&mut self) {
        self.items.pop_back();
    }

    /// When an event is to be put into the queue for the first item, if none is there.
    pub(crate) fn arm(&mut self) -> Option<Moment> {
        let (at, _) = self.items.front()?;
        (!std::mem::replace(&mut self.is_armed, true)).then_some(*at)
    }

    /// The event for the first item is out of the queue.
    pub(crate) const fn disarm(&mut self) {
        self.is_armed = false;
    }

    /// What has arrived by now, in order, and whether that is the end.
    pub(crate) fn take(&mut self, now: Moment) -> (Vec<M>, bool) {
        let mut messages = Vec::new();
        while let Some((_, item)) = self.items.pop_front_if(|(at, _)| *at <= now) {
            match item {
                Item::Message(message) => messages.push(message),
                Item::End => return (messages, true),
            }
        }
        (messages, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Moment {
        Moment::from_micros(micros)
    }

    #[test]
    fn what_was_sent_later_never_arrives_earlier() {
        let mut pipe = Pipe::default();
        pipe.push(at(20), "slow");
        pipe.push(at(10), "fast");
        assert_eq!(pipe.arm(), Some(at(20)));
        assert_eq!(pipe.arm(), None);
        assert_eq!(pipe.take(at(15)), (vec![], false));
        pipe.disarm();
        assert_eq!(pipe.arm(), Some(at(20)));
        assert_eq!(pipe.take(at(20)), (vec!["slow", "fast"], false));
    }

    #[test]
    fn nothing_is_lost_before_something_that_arrives() {
        let mut random = Random::from_seed(1);
        for _ in 0..50 {
            let mut pipe = Pipe::default();
            (0..8).for_each(|number| pipe.push(at(1), number));
            pipe.lose_tail(&mut random);
            pipe.close();
            pipe.push(at(1), 99);
            let (arrived, has_ended) = pipe.take(at(1));
            let expected: Vec<u64> = (0..).take(arrived.len()).collect();
            assert_eq!((arrived, has_ended), (expected, false));
        }
    }

    #[test]
    fn the_end_comes_after_what_was_sent_and_nothing_after_it() {
        let mut pipe = Pipe::default();
        pipe.push(at(1), 'a');
        pipe.end(at(1));
        pipe.push(at(1), 'b');
        assert_eq!(pipe.take(at(1)), (vec!['a'], true));
        assert_eq!(pipe.take(at(2)), (vec![], false));
    }
}
