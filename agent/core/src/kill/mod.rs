//! The end of tasks by request: of one ([`kill_task`]), or of all that a framework has here
//! ([`shutdown_framework`]).

pub(crate) mod kill_task;
pub(crate) mod shutdown_framework;
