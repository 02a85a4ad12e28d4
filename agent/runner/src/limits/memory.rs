//! Sums everything that a guest keeps in its store against its task's `mem`.

use std::sync::Arc;

use stoker_types::GuestLimits;
use wasmtime::{Error, ResourceLimiter};

use super::in_memory;
use crate::metering::Account;

/// What an element of a table costs.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Allows a growth as long as all memories, tables and the heap of exceptions together stay within
/// the limit, and remembers whether one was refused.
///
/// A growth that wasmtime refuses after this limiter allowed it (no room in the pool, no address
/// space) is told by `*_grow_failed`, which takes it back. The same is told of a growth past what
/// the memory's type allows, of which this limiter never heard; so it forgets what it allowed last
/// at each entry into the host ([`Self::settle`]), and one entry makes one growth.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: u64,
    used: u64,
    /// What was allowed last, and may still fail.
    pending: u64,
    refused: bool,
    /// The tables that the guest may have,
    tables: usize,
    /// and the elements of each.
    table_elements: usize,
    account: Arc<Account>,
}

impl MemoryLimiter {
    /// Lets a guest have `limit` bytes in all; its peak goes into `account`.
    pub(crate) fn new(limit: u64, limits: &GuestLimits, account: Arc<Account>) -> Self {
        Self {
            limit,
            used: 0,
            pending: 0,
            refused: false,
            tables: in_memory(limits.tables),
            table_elements: in_memory(limits.table_elements),
            account,
        }
    }

    /// Whether the guest wanted more than it may have, or than there was room for.
    pub(crate) const fn has_refused(&self) -> bool {
        self.refused
    }

    /// The bytes that the guest may have.
    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that the guest has.
    pub(crate) const fn used(&self) -> u64 {
        self.used
    }

    /// The guest enters the host anew: what was allowed before has happened.
    pub(crate) const fn settle(&mut self) {
        self.pending = 0;
    }

    fn grow(&mut self, bytes: u64) -> bool {
        let used = self.used.saturating_add(bytes);
        if used > self.limit {
            self.refused = true;
            return false;
        }
        self.used = used;
        self.pending = bytes;
        self.account.saw_memory(used);
        true
    }

    fn take_back(&mut self) {
        if self.pending > 0 {
            self.used = self.used.saturating_sub(self.pending);
            self.pending = 0;
            self.refused = true;
            self.account.saw_memory(self.used);
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Its own declaration forbids it; nobody refused anything.
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current) as u64))
    }

    fn memory_grow_failed(&mut self, _error: Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // In a pool, the maximum of a table is the lesser of its own declaration and the pool's room.
        let own = maximum.filter(|maximum| *maximum < self.table_elements);
        if own.is_some_and(|own| desired > own) {
            return Ok(false);
        }
        if desired > self.table_elements {
            self.refused = true;
            return Ok(false);
        }
        let elements = desired.saturating_sub(current) as u64;
        Ok(self.grow(elements.saturating_mul(TABLE_ELEMENT_BYTES)))
    }

    fn table_grow_failed(&mut self, _error: Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        self.tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    fn limiter(limit: usize) -> MemoryLimiter {
        let mut limits = GuestLimits::default();
        limits.set("table_elements", "1000").unwrap();
        MemoryLimiter::new(limit as u64, &limits, Arc::new(Account::default()))
    }

    #[test]
    fn memories_and_tables_are_summed() {
        let mut limiter = limiter(3 * PAGE);
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        // A second memory: the heap of exceptions.
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        assert!(limiter.table_growing(0, 1000, Some(1000)).unwrap());
        assert!(!limiter.has_refused());
        assert!(!limiter.memory_growing(PAGE, 2 * PAGE, None).unwrap());
        assert!(limiter.has_refused());
        assert_eq!(limiter.account.usage().mem_peak, 2 * PAGE as u64 + 8000);
    }

    #[test]
    fn a_growth_that_fails_later_is_taken_back() {
        let mut limiter = limiter(4 * PAGE);
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        limiter.settle();
        assert!(limiter.memory_growing(PAGE, 4 * PAGE, None).unwrap());
        limiter
            .memory_grow_failed(Error::msg("no address space"))
            .unwrap();
        assert!(limiter.has_refused());
        assert_eq!(limiter.used, PAGE as u64);
    }

    #[test]
    fn a_growth_past_the_memory_s_own_maximum_is_nobody_s_refusal() {
        let mut limiter = limiter(4 * PAGE);
        assert!(limiter.memory_growing(0, PAGE, Some(2 * PAGE)).unwrap());
        limiter.settle();
        assert!(
            !limiter
                .memory_growing(PAGE, 3 * PAGE, Some(2 * PAGE))
                .unwrap()
        );
        // wasmtime tells of a growth past 4 GiB without having asked.
        limiter
            .memory_grow_failed(Error::msg("past the type's limits"))
            .unwrap();
        assert!(!limiter.has_refused());
        assert_eq!(limiter.used, PAGE as u64);
    }

    #[test]
    fn a_table_past_its_bound_is_refused_and_one_past_its_own_maximum_is_not() {
        let mut limiter = limiter(4 * PAGE);
        assert!(!limiter.table_growing(0, 11, Some(10)).unwrap());
        assert!(!limiter.has_refused());
        assert!(!limiter.table_growing(0, 1001, Some(1000)).unwrap());
        assert!(limiter.has_refused());
    }
}
