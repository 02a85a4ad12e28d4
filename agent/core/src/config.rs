//! What the core is told once, at its start: what the agent is and sells, its times, its bounds.
//!
//! Owns the defaults; where they come from (flags, environment, file) is the daemon's business.

use std::time::Duration;

use stoker_types::{Attributes, Hardening, Resources};

/// What an agent is, as its driver configures it. Its id is not here: the checkpoint log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its host's name.
    pub hostname: String,
    /// What it sells.
    pub resources: Resources,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// The version of its program.
    pub version: String,
    /// The address of its health and metrics page, for people.
    pub url: String,
    /// How well its kernel confines its runners.
    pub hardening: Hardening,
    /// The present boot of the machine.
    pub boot_id: String,
    /// How long things take.
    pub timeouts: Timeouts,
    /// How much there may be.
    pub limits: Limits,
}

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A phase of a task's preparation that lasts longer is told as `TASK_STARTING`.
    pub phase_told: Duration,
    /// An update that is not acknowledged is sent again after this, then after twice as long, …
    pub resend_first: Duration,
    /// … up to this.
    pub resend_longest: Duration,
    /// A runner that ended before it had a task is started again after this, then after twice as
    /// long, …
    pub runner_retry: Duration,
    /// A runner without a task is stopped after this.
    pub runner_idle: Duration,
    /// A runner of an earlier daemon that has not answered after this counts as lost.
    pub adoption: Duration,
    /// A change of the runners is told to the master after this, together with all until then.
    pub runners_told: Duration,
    /// A master that has not answered a registration after this is left.
    pub registration: Duration,
    /// How long an agent that is to end its tasks waits for their acknowledged ends.
    pub stop_tasks: Duration,
    /// How long it then waits for its runners' ends.
    pub stop_runners: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            phase_told: Duration::from_millis(200),
            resend_first: Duration::from_secs(1),
            resend_longest: Duration::from_mins(1),
            runner_retry: Duration::from_millis(250),
            runner_idle: Duration::from_secs(30),
            adoption: Duration::from_secs(15),
            runners_told: Duration::from_millis(100),
            registration: Duration::from_mins(1),
            stop_tasks: Duration::from_secs(5),
            stop_runners: Duration::from_secs(2),
        }
    }
}

/// How much there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The tasks that are not over. As many again may be over and not yet acknowledged; a master
    /// that sends still more loses its stream and learns the truth at the next registration.
    pub tasks: usize,
    /// The tasks that a runner has at once; a tenant with more has more runners. At least 1.
    pub tasks_per_runner: usize,
    /// The runners without a task; the one that has been idle longest goes first.
    pub idle_runners: usize,
    /// How often a runner that ended before it had a task is started again.
    pub runner_retries: u32,
    /// The frameworks that were shut down and are remembered, so that a late launch is refused.
    pub removed_frameworks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks: 100_000,
            tasks_per_runner: 1000,
            idle_runners: 16,
            runner_retries: 3,
            removed_frameworks: 10_000,
        }
    }
}
