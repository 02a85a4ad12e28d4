//! What an agent knows: its tables, without the decisions that change them.

mod ledger;
mod log;
mod removed;
mod runner;
mod runners;
mod task;
mod tasks;
mod timers;

pub(crate) use ledger::Ledger;
pub(crate) use log::{Awaiting, Log};
pub(crate) use removed::RemovedFrameworks;
pub(crate) use runner::{Runner, RunnerState};
pub(crate) use runners::Runners;
pub(crate) use task::{Kill, Phase, Task};
pub(crate) use tasks::Tasks;
pub(crate) use timers::{Timer, Timers};
