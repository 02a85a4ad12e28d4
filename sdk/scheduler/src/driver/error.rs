//! Why a driver ended without its scheduler's wish, and what to do about it.

use std::time::Duration;

use stoker_types::duration;

use crate::Ending;

/// Why [`Driver::run`](crate::Driver::run), or making a driver, failed. Each message is one line
/// that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// An address is none.
    #[error("{address:?} is no address of a master: write http://HOST:PORT")]
    Address {
        /// What was given.
        address: String,
    },
    /// No master took the framework in within the time that it was ready to wait.
    #[error(
        "no master at {masters} within {}: {message}; start one (`stoker dev` makes a whole \
         cluster), or name another with --master or STOKER_MASTER",
        duration::display(*waited)
    )]
    NoMaster {
        /// Where it was looked for.
        masters: String,
        /// How long.
        waited: Duration,
        /// What the last attempt met.
        message: String,
    },
    /// The master was lost, and none was found within the time that the framework was ready to
    /// wait.
    #[error(
        "the master at {masters} was lost and has not returned within {}: {message}; its log says \
         why",
        duration::display(*waited)
    )]
    MasterLost {
        /// Where it was looked for.
        masters: String,
        /// How long.
        waited: Duration,
        /// What the last attempt met.
        message: String,
    },
    /// A master refused to take the framework in, and would again.
    #[error("the master refused this framework: {message}")]
    Refused {
        /// Why, and what would be right.
        message: String,
    },
    /// The master had taken the framework in and ended that for good: another scheduler came with
    /// its id, or it was torn down.
    #[error("the master ended this framework: {message}")]
    Ended {
        /// Which of them, in words.
        message: String,
    },
}

impl DriverError {
    /// The error that an ending is; none if it was wished for.
    pub(super) fn from_ending(ending: Ending, masters: String) -> Option<Self> {
        Some(match ending {
            Ending::Stopped => return None,
            Ending::NoMaster { waited, message } => Self::NoMaster {
                masters,
                waited,
                message,
            },
            Ending::MasterLost { waited, message } => Self::MasterLost {
                masters,
                waited,
                message,
            },
            Ending::Refused { message } => Self::Refused { message },
            Ending::Ended { message } => Self::Ended { message },
        })
    }
}
