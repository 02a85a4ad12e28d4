//! What a guest may take from its host, and where each bound is enforced.
//!
//! | bound | value | where |
//! | --- | --- | --- |
//! | memories, tables and exceptions' heap together | the task's `mem` | [`MemoryLimiter`] |
//! | instances, memories, tables of a store | 1, 1, `tables` | [`MemoryLimiter`] |
//! | elements of a table | `table_elements` | [`MemoryLimiter`], the pool |
//! | functions, tables and initial elements of a module | `functions` and the same | `compile::check` |
//! | bytes that one host call may copy | `host_call` | the store |
//! | bytes that one read or write moves | [`IO_BYTES`] | `wasi::transfer` |
//! | bytes and files on disk | the task's `disk`, the agent's entries | `wasi::quota` |
//! | open descriptors and other host objects | `descriptors` | the resource table |
//! | descriptors of all guests together | what the process may have, less some | `wasi::quota::open` |
//! | subscriptions of one poll | `subscriptions` | `wasi::poll` |
//! | bytes of one request for randomness | `random` | the WASI context |
//! | guest stack | `stack` | the engine |
//! | fuel | the task's budget, or `fuel_budget` if that is less | `metering` |
//! | fuel a second | the task's `fuel`; 1 s' worth may be saved | `executor::run_queue` |
//! | CPU time | its part of the workers; its `cpus` if strict | `executor::run_queue` |
//! | CPU time of all tasks together | the daemon's budget | `executor::budget` |
//! | wall time | the task's limit, or `wall_time` if that is less | `task` |
//! | output | rate, burst, cap: `output::Policy`; what is kept: `output::Rotation` | `output` |
//!
//! The names are those of [`GuestLimits`], which an operator sets under `[limits]`.

mod descriptors;
mod memory;

pub(crate) use descriptors::have_room as descriptors_have_room;
pub(crate) use memory::MemoryLimiter;

use stoker_types::GuestLimits;
use wasmtime::{ResourceLimiter, Store};
use wasmtime_wasi::WasiView as _;

use crate::guest::Guest;

/// The bytes that one read or write moves; a longer one is answered in part, as POSIX allows.
pub(crate) const IO_BYTES: u32 = 512 << 10;

/// Puts the bounds of a store in force. Fuel is `metering`'s.
pub(crate) fn enforce(store: &mut Store<Guest>, limits: &GuestLimits) {
    store.limiter(|guest| &mut guest.memory as &mut dyn ResourceLimiter);
    store.set_hostcall_fuel(in_memory(limits.host_call_bytes));
    store
        .data_mut()
        .wasi
        .ctx()
        .table
        .set_max_capacity(in_memory(limits.descriptors));
}

/// A bound, as a size of something in memory.
pub(crate) fn in_memory(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}
