//! The agent daemon's decisions, as a synchronous state machine.
//!
//! ```text
//!          Input                       Agent                        Effect
//!   master events    ──────▶ ┌─────────────────────────┐ ──▶ ToMaster(call)
//!   runner events    ──────▶ │ session/  launch/        │ ──▶ Prepare, StartRunner, Launch, Kill
//!   preparation ends ──────▶ │ kill/     updates/       │ ──▶ ConfirmEvent, StopRunner
//!   upload ends      ──────▶ │ outputs   recovery/      │ ──▶ UploadOutputs
//!   Persisted(n)     ──────▶ │                          │ ──▶ Persist(sequence, record, class)
//!   Tick             ──────▶ └─────────────────────────┘ ──▶ Transfer, Exit
//! ```
//!
//! A task's way: `launch/` takes it on, has it prepared and hands it over; `runners/` starts and
//! hears its tenant's runner; `outputs` has uploaded what it leaves; `kill/` ends it by request,
//! `end` in any case; `updates/` tells the master until that is acknowledged. `session/` is the
//! stream to the master, `recovery/` what survives a dead daemon, `stop` the end of the agent,
//! `state/` the tables that all share.
//!
//! The driver carries effects out in their order. It appends the records of
//! [`Effect::Persist`] to its log in their order, and answers with the highest
//! [`Input::Persisted`] sequence that holds: it stands for all before; [`Input::Written`] may say
//! earlier what a sync is still to confirm. It may replace its log by
//! [`Agent::snapshot`] at a moment when all records given out so far are in the log that is
//! replaced. It ends a runner whose connection breaks, and tells [`Input::RunnerLost`] of every
//! runner exactly when its process is over and all its events were told. A runner either carries
//! out or drops all orders of an earlier daemon before it welcomes a new one.
//!
//! Owns: which tasks this agent has, how far each is, and what the master has yet to hear of it.
//! Never does I/O, never reads a clock or a random source, holds no channel and no lock.

#![warn(clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod agent;
mod config;
mod effect;
mod end;
pub mod governor;
mod input;
mod invariants;
mod kill;
mod launch;
mod outputs;
mod persisted;
mod recovery;
mod runners;
mod session;
mod state;
mod stop;
mod tick;
mod updates;
mod usage;
mod view;

pub use agent::Agent;
pub use config::{Config, Limits, Timeouts};
pub use effect::{Durability, Effect, Record};
pub use input::{
    ConnectionId, Input, PrepareFailure, PreparePhase, Prepared, Recovered, RecoveredRunner,
    RecoveredTask, UploadFailure,
};
pub use recovery::{Replayed, replay};
pub use view::View;
