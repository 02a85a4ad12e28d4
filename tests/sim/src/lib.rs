//! The simulator: master, agents and schedulers as they ship, in a world that one seed fixes.
//!
//! ```text
//!   schedulers (SDK core) ─┐                      ┌─ agents (core) ─ runners ─ tasks
//!   with small workloads   ├─ network ─ master ───┤   checkpoint logs
//!                          │            (core)    │
//!                          └── clocks, faults, one queue of events, the checker ──┘
//! ```
//!
//! The cores are the real ones; around each is a driver of this crate that keeps the contract of
//! the real driver, and nothing more: whatever a driver may do, this one does at times. A seed
//! decides how large the cluster is and what goes wrong, for some minutes of simulated time; then
//! all trouble ends and all must become well again. After each step the cores check their own
//! invariants, and its checker those of the cluster.
//!
//! The same seed always has the same history, byte for byte: there is one thread, no clock and no
//! hash order. `cargo xtask sim` runs seeds, and prints of one that fails the end of its log and
//! the command that shows all of it.

mod checker;
mod clock;
mod describe;
mod events;
mod faults;
mod machine;
mod master;
mod moment;
mod network;
mod plan;
mod planted;
mod random;
mod run;
mod scene;
mod schedulers;
mod simulation;
mod trace;

pub use checker::{Counts, Rule, Violation};
pub use planted::{Planted, UnknownBug};
pub use run::{Failure, Report, fingerprint, replay, run};
