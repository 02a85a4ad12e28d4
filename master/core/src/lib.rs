//! The master's decisions, as a synchronous state machine.
//!
//! ```text
//!            Input                    Master                     Effect
//!   scheduler calls ──────▶ ┌───────────────────────┐ ──▶ ToScheduler(event)
//!   agent calls     ──────▶ │ scheduler/  agent/     │ ──▶ ToAgent(event)
//!   operator        ──────▶ │ operator/   allocator/ │ ──▶ Persist(sequence, operation)
//!   Persisted(n)    ──────▶ │ state/      validation/│ ──▶ Changed(change)  (the read model)
//!   Tick            ──────▶ └───────────────────────┘ ──▶ Reply, Disconnect
//! ```
//!
//! Owns: who may have what, which task is where, and what everyone is told about it. Never does
//! I/O, never reads a clock or a random source, holds no channel and no lock: `handle` takes the
//! time and an input, and writes what is to be done into a list, in order.

#![warn(clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod agent;
mod allocator;
mod config;
mod effect;
mod input;
mod master;
mod operator;
mod recover;
mod scheduler;
mod state;
mod tick;
mod validation;
mod view;

pub use config::{Config, Limits, Timeouts};
pub use effect::{
    AgentRecord, AgentState, AgentView, Change, Effect, FrameworkRecord, FrameworkState,
    FrameworkView, OfferView, OperatorRefusal, RegistryOperation, TaskView,
};
pub use input::{ConnectionId, Input, OperatorCommand, Recovered, RequestId};
pub use master::Master;
pub use view::View;
