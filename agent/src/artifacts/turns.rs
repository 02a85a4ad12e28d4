//! Whose module is compiled next: no tenant keeps another one waiting by sending many.
//!
//! As many compilations run at once as the machine has room for, and one more for a tenant that has
//! none under way: so a tenant alone has all of it, and one that comes later does not wait for what
//! the first is at, which may take its time on purpose. Among those that wait, the tenant with the
//! fewest under way is next, then the one that has waited longest.
//!
//! Owns the order; compiles nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use stoker_types::FrameworkId;
use tokio::sync::oneshot;

/// The turns of one compiler.
#[derive(Debug)]
pub(super) struct Turns(Mutex<Queue<oneshot::Sender<()>>>);

/// A turn; the next begins when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    tenant: FrameworkId,
}

impl Turns {
    /// So many at once, but for the one more.
    pub(super) fn new(at_once: usize) -> Self {
        Self(Mutex::new(Queue::new(at_once)))
    }

    /// Waits for a turn of this tenant's.
    pub(super) async fn take(&self, tenant: FrameworkId) -> Turn<'_> {
        let (sender, granted) = oneshot::channel();
        {
            let mut queue = self.lock();
            queue.waiting.push_back((tenant, sender));
            grant(&mut queue);
        }
        // Made before the wait: who gives up while it waits gives back what it was granted.
        let place = Place {
            turns: self,
            tenant,
            granted,
            is_handed_over: false,
        };
        place.wait().await
    }

    fn lock(&self) -> MutexGuard<'_, Queue<oneshot::Sender<()>>> {
        // No code that runs under the lock can leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, tenant: FrameworkId) {
        let mut queue = self.lock();
        queue.ended(tenant);
        grant(&mut queue);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.end(self.tenant);
    }
}

/// Hands out all turns that there are; those who gave up waiting are passed over.
fn grant(queue: &mut Queue<oneshot::Sender<()>>) {
    while let Some((tenant, sender)) = queue.next() {
        if sender.send(()).is_err() {
            queue.ended(tenant);
        }
    }
}

/// A place in the queue.
struct Place<'a> {
    turns: &'a Turns,
    tenant: FrameworkId,
    granted: oneshot::Receiver<()>,
    /// Whether a [`Turn`] gives back what was granted.
    is_handed_over: bool,
}

impl<'a> Place<'a> {
    async fn wait(mut self) -> Turn<'a> {
        // The sender is dropped only when it has sent.
        drop((&mut self.granted).await);
        self.is_handed_over = true;
        Turn {
            turns: self.turns,
            tenant: self.tenant,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.granted.close();
        if !self.is_handed_over && self.granted.try_recv().is_ok() {
            self.turns.end(self.tenant);
        }
    }
}

/// Who has a turn, and who waits for one.
#[derive(Debug)]
struct Queue<W> {
    at_once: usize,
    running: HashMap<FrameworkId, usize>,
    waiting: VecDeque<(FrameworkId, W)>,
}

impl<W> Queue<W> {
    fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            running: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    fn running_of(&self, tenant: FrameworkId) -> usize {
        self.running.get(&tenant).copied().unwrap_or(0)
    }

    /// Takes out whose turn it is, if it is anyone's.
    fn next(&mut self) -> Option<(FrameworkId, W)> {
        let (index, fewest) = self
            .waiting
            .iter()
            .enumerate()
            .map(|(index, (tenant, _))| (index, self.running_of(*tenant)))
            .min_by_key(|(_, running)| *running)?;
        let total: usize = self.running.values().sum();
        let has_room = total < self.at_once || (total == self.at_once && fewest == 0);
        if !has_room {
            return None;
        }
        let next = self.waiting.remove(index)?;
        *self.running.entry(next.0).or_default() += 1;
        Some(next)
    }

    /// A turn of this tenant's is over.
    fn ended(&mut self, tenant: FrameworkId) {
        if let Some(running) = self.running.get_mut(&tenant) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: FrameworkId = FrameworkId::from_bits(1);
    const TWO: FrameworkId = FrameworkId::from_bits(2);
    const THREE: FrameworkId = FrameworkId::from_bits(3);

    fn queue(at_once: usize, waiting: &[(FrameworkId, u32)]) -> Queue<u32> {
        Queue {
            waiting: waiting.iter().copied().collect(),
            ..Queue::new(at_once)
        }
    }

    fn all_next(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.next())
            .map(|(_, name)| name)
            .collect()
    }

    #[test]
    fn a_tenant_alone_has_all_the_room_and_one_that_comes_later_has_one_more() {
        let mut queue = queue(2, &[(ONE, 1), (ONE, 2), (ONE, 3)]);
        assert_eq!(all_next(&mut queue), [1, 2]);
        queue.waiting.push_back((TWO, 4));
        assert_eq!(all_next(&mut queue), [4]);
        queue.waiting.extend([(TWO, 5), (THREE, 6)]);
        assert_eq!(all_next(&mut queue), [0_u32; 0]);
    }

    #[test]
    fn who_has_the_fewest_under_way_is_next() {
        let mut queue = queue(2, &[(ONE, 1), (ONE, 2), (ONE, 3), (TWO, 4), (TWO, 5)]);
        assert_eq!(all_next(&mut queue), [1, 4]);
        queue.ended(TWO);
        assert_eq!(all_next(&mut queue), [5]);
        queue.ended(ONE);
        assert_eq!(all_next(&mut queue), [2]);
        queue.ended(ONE);
        assert_eq!(all_next(&mut queue), [3]);
        queue.ended(ONE);
        queue.ended(TWO);
        assert!(queue.running.is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_gives_its_turn_back() {
        let turns = Turns::new(1);
        let first = turns.take(ONE).await;
        {
            let waits = turns.take(ONE);
            tokio::pin!(waits);
            let ready = futures_util::poll!(&mut waits);
            assert!(ready.is_pending());
            // Granted, and never looked at.
            drop(first);
        }
        let second = turns.take(ONE).await;
        let _newcomer = turns.take(TWO).await;
        drop(second);
        assert_eq!(turns.lock().running.len(), 1);
    }
}
