//! The runner: the only crate that knows wasmtime. It compiles modules, runs tasks within their
//! limits, and speaks to an agent's daemon in frames. It knows no master and no daemon.
//!
//! Three ways in, all for the `stoker` program:
//!
//! - [`runner::main`]: `stoker runner`, the process that hosts the tasks of one tenant;
//! - [`compile::main`]: `stoker compile`, the child that turns Wasm into machine code;
//! - [`local::run`]: `stoker run --local`, one task on the same engine and limits, in one process.
//!
//! Before the first two see a byte of a guest, they confine themselves: [`hardening`].
//!
//! # Threads of a runner
//!
//! ```text
//!                 control thread (tokio, current-thread)
//!  daemon ◀─────▶ frames, orders, events; timers and I/O of all guests
//!                     │ launch, kill             ▲ started, ended
//!                     ▼                          │
//!                 run queue ──▶ N workers: poll fibers, a slice of 1 Mfuel each
//!                     ▲              │ ended          │ writes, reads of stdin
//!                     └── wakes      ▼                ▼
//!                                 reaper:         up to 8 blocking threads:
//!                                 drops stores    output files, file system calls
//! ```
//!
//! # The life of a task
//!
//! `runner` takes a launch and makes it a `task`, whose store gets its `wasi` surroundings, its
//! `limits` and its `metering`; `executor` polls it; what it writes goes through `output`; its
//! start and its end go out through `ipc`.

pub mod compile;
pub mod engine;
mod executor;
mod flags;
mod guest;
pub mod hardening;
mod ipc;
mod limits;
pub mod local;
pub mod measure;
mod metering;
mod output;
pub mod runner;
mod task;
mod wasi;

pub use metering::{Metering, UnknownMetering};

#[cfg(test)]
mod tests;
