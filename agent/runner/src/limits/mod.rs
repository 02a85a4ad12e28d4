//! What a guest may take from its host, and where each bound is enforced.
//!
//! | bound | value | where |
//! | --- | --- | --- |
//! | memories, tables and exceptions' heap together | the task's `mem` | [`MemoryLimiter`] |
//! | instances, memories, tables of a store | 1, 1, [`TABLES_PER_MODULE`] | [`MemoryLimiter`] |
//! | bytes that one host call may copy | [`HOST_CALL_BYTES`] | the store |
//! | bytes that one read or write moves | [`IO_BYTES`] | `wasi::transfer` |
//! | open descriptors and other host objects | [`HOST_OBJECTS`] | the resource table |
//! | bytes of one request for randomness | [`RANDOM_BYTES`] | the WASI context |
//! | bytes and files on disk | the task's `disk`, the agent's entries | `wasi::quota` |
//! | guest stack | 256 KiB | the engine |
//! | fuel | the task's budget | `metering` |
//! | fuel a second | the task's `fuel`; 1 s' worth may be saved | `executor::run_queue` |
//! | CPU time | its part of the workers; its `cpus` if strict | `executor::run_queue` |
//! | CPU time of all tasks together | the daemon's budget | `executor::budget` |
//! | wall time | the task's limit | `task` |
//! | output | rate, burst and cap of `output::Policy` | `output` |
//!
//! [`TABLES_PER_MODULE`]: crate::engine::TABLES_PER_MODULE

mod memory;

pub(crate) use memory::MemoryLimiter;

use wasmtime::{ResourceLimiter, Store};
use wasmtime_wasi::WasiView as _;

use crate::guest::Guest;

/// The bytes that one host call may copy between guest and host; past it the guest gets `ENOMEM`.
pub(crate) const HOST_CALL_BYTES: usize = 1 << 20;
/// The bytes that one read or write moves; a longer one is answered in part, as POSIX allows.
pub(crate) const IO_BYTES: u32 = 512 << 10;
/// The descriptors, streams and pollables that a guest may hold; past it the guest traps.
pub(crate) const HOST_OBJECTS: usize = 256;
/// The random bytes that a guest may ask for in one call; past it the guest traps.
pub(crate) const RANDOM_BYTES: u64 = 64 << 10;

/// Puts the bounds of a store in force. Fuel is `metering`'s.
pub(crate) fn enforce(store: &mut Store<Guest>) {
    store.limiter(|guest| &mut guest.memory as &mut dyn ResourceLimiter);
    store.set_hostcall_fuel(HOST_CALL_BYTES);
    store
        .data_mut()
        .wasi
        .ctx()
        .table
        .set_max_capacity(HOST_OBJECTS);
}
