//! What an operator may set: the times and the bounds of a master.
//!
//! Owns the defaults; never reads a file or the environment (the driver does).

use std::time::Duration;

/// The times of a master, all configurable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// An offer nobody answered is rescinded after this.
    pub offer: Duration,
    /// A scheduler hears a heartbeat this often.
    pub heartbeat: Duration,
    /// An agent is pinged this often.
    pub ping: Duration,
    /// An agent that has not been heard for this long is unreachable.
    pub unreachable: Duration,
    /// After a master's restart, the agents of the registry have this long to return.
    pub reregister: Duration,
    /// A framework that only agents know of has this long to subscribe.
    pub orphaned_framework: Duration,
    /// Further events within this time of an allocation wait for the next one.
    pub allocation_coalescing: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            offer: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            ping: Duration::from_secs(15),
            unreachable: Duration::from_secs(75),
            reregister: Duration::from_secs(600),
            orphaned_framework: Duration::from_secs(60),
            allocation_coalescing: Duration::from_millis(10),
        }
    }
}

/// The bounds of a master, all configurable. What would pass one is refused with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Agents that are admitted, whether connected or not.
    pub agents: usize,
    /// The tasks that one agent may tell of when it registers.
    pub tasks_per_agent: usize,
    /// Frameworks that are not over.
    pub frameworks: usize,
    /// The tasks of one framework that are alive or not acknowledged.
    pub tasks_per_framework: usize,
    /// The offers that one framework may hold; past it no more are made to it.
    pub offers_per_framework: usize,
    /// The decline filters of one framework.
    pub filters_per_framework: usize,
    /// The ended and acknowledged tasks of one framework that readers still see.
    pub shown_ended_tasks_per_framework: usize,
    /// The ids of ended tasks of one framework that may not be used again.
    pub remembered_task_ids_per_framework: usize,
    /// The frameworks that are over and that readers still see.
    pub shown_completed_frameworks: usize,
    /// The ids of frameworks that are over and that may not be used again.
    pub remembered_framework_ids: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agents: 10_000,
            tasks_per_agent: 100_000,
            frameworks: 10_000,
            tasks_per_framework: 100_000,
            offers_per_framework: 1_000,
            filters_per_framework: 100_000,
            shown_ended_tasks_per_framework: 1_000,
            remembered_task_ids_per_framework: 10_000,
            shown_completed_frameworks: 100,
            remembered_framework_ids: 10_000,
        }
    }
}

/// How a master is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its times.
    pub timeouts: Timeouts,
    /// Its bounds.
    pub limits: Limits,
    /// The version of the program, as schedulers are told.
    pub version: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
