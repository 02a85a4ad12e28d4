//! The fibers of one task that can run, in their order.

use std::collections::VecDeque;

/// A queue that needs no memory of its own as long as it holds one thing: most tasks are one fiber.
#[derive(Debug)]
pub(super) struct Lane<F> {
    first: Option<F>,
    others: VecDeque<F>,
}

impl<F> Default for Lane<F> {
    fn default() -> Self {
        Self {
            first: None,
            others: VecDeque::new(),
        }
    }
}

impl<F> Lane<F> {
    pub(super) fn push(&mut self, fiber: F) {
        if self.first.is_none() {
            self.first = Some(fiber);
        } else {
            self.others.push_back(fiber);
        }
    }

    pub(super) fn pop(&mut self) -> Option<F> {
        let first = self.first.take();
        self.first = self.others.pop_front();
        first
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}
