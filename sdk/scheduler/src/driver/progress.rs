//! What a driver tells people while it looks for a master.

use std::time::Duration;

use stoker_types::FrameworkId;

/// Where a driver stands with its master, for a line on a terminal; the same goes to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It tries to reach a master.
    Dialling {
        /// Its address.
        master: String,
    },
    /// A master has taken the framework in.
    Subscribed {
        /// Its address.
        master: String,
        /// The framework's id.
        framework_id: FrameworkId,
    },
    /// There is no master: it was not reached, or is gone.
    Lost {
        /// Its address.
        master: String,
        /// Why.
        message: String,
        /// How long until the next attempt.
        retry_in: Duration,
    },
}
