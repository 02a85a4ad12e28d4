//! All that can happen to the governor, all that it may want done, and what may be seen of it.

use std::{collections::BTreeMap, time::Duration};

use stoker_types::{
    Milli, RunnerId,
    runner::{Budget, Load},
};

/// What happens to the governor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GovernorInput {
    /// The deadline is here.
    Tick,
    /// A runner has answered.
    Joined {
        /// Which.
        runner_id: RunnerId,
        /// Whether this daemon has started it. One that was found again is told its budget in any
        /// case, and keeps what it has until then.
        is_new: bool,
    },
    /// The cpus of a runner's tasks are so many now. Before it has answered, too.
    Guarantee {
        /// Which.
        runner_id: RunnerId,
        /// How many.
        cpus: Milli,
    },
    /// A runner tells how busy it is.
    Load {
        /// Which.
        runner_id: RunnerId,
        /// How.
        load: Load,
    },
    /// The answer to [`GovernorEffect::Look`]. Without an answer the next look is as good.
    Seen(Sight),
    /// A runner is over.
    Left {
        /// Which.
        runner_id: RunnerId,
    },
}

/// What the governor wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GovernorEffect {
    /// Tell a runner its budget.
    Budget {
        /// Which.
        runner_id: RunnerId,
        /// What it may use.
        budget: Budget,
    },
    /// Ask the kernel who has used how much. Answered by [`GovernorInput::Seen`].
    Look,
    /// Stop a runner's process for a moment.
    Pause {
        /// Which.
        runner_id: RunnerId,
    },
    /// Let a runner's process go on.
    Continue {
        /// Which.
        runner_id: RunnerId,
    },
    /// End a runner's process.
    Kill {
        /// Which.
        runner_id: RunnerId,
        /// For people: what it did.
        message: String,
    },
}

/// What the kernel counts, all at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The time that all cores of the machine together were idle, since any time before.
    pub idle: Duration,
    /// The CPU time of each runner's process since that began.
    pub used: BTreeMap<RunnerId, Duration>,
}

/// What an operator may see of the governor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GovernorView {
    /// The runners that have a budget now, and that in CPU time a window.
    pub budgets: BTreeMap<RunnerId, Duration>,
    /// How often a runner was told a budget.
    pub orders: u64,
    /// The windows in which a runner had to pause for its budget, of all runners.
    pub throttled_windows: u64,
    /// How often a runner was paced because it used more than its budget.
    pub paced: u64,
    /// How often one was ended because it did so again.
    pub killed: u64,
}
