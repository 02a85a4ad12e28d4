//! One task: from its description and a loaded module to the way it ended.
//!
//! ```text
//! TaskInfo ─▶ surroundings ─┐
//! Modules ─▶ InstancePre ───┴▶ Assignment ─▶ life: instantiate, `_start` ─▶ outcome
//! ```

mod life;
mod message;
mod modules;
mod outcome;
mod surroundings;

pub(crate) use life::{Assignment, Bounds, Stdin};
pub(crate) use modules::{Modules, Unusable, unknown_imports_as_traps};
pub(crate) use surroundings::{arguments, environment};

/// The function that a command module exports and a task runs.
pub(crate) const ENTRY: &str = "_start";
