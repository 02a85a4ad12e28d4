//! The table `[limits]`: how much of everything there may be.
//!
//! Owns the keys; their defaults are the core's own.

use serde::{Deserialize, Serialize};
use stoker_master_core::Limits;

use super::ConfigError;

macro_rules! limits {
    ($($(#[$doc:meta])* $key:ident,)+) => {
        /// The bounds of the core's tables. What would pass one is refused with its name.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct LimitsConfig {
            $($(#[$doc])* pub $key: usize,)+
        }

        impl Default for LimitsConfig {
            fn default() -> Self {
                let limits = Limits::default();
                Self { $($key: limits.$key,)+ }
            }
        }

        impl LimitsConfig {
            /// Checks that each is possible.
            pub(super) fn validate(&self) -> Result<Limits, ConfigError> {
                $(check(concat!("limits.", stringify!($key)), self.$key)?;)+
                Ok(Limits { $($key: self.$key,)+ })
            }
        }
    };
}

limits! {
    /// Agents that are admitted, whether connected or not.
    agents,
    /// The tasks that one agent may tell of when it registers.
    tasks_per_agent,
    /// Frameworks that are not over.
    frameworks,
    /// The tasks of one framework that are alive or not acknowledged.
    tasks_per_framework,
    /// The offers that one framework may hold.
    offers_per_framework,
    /// The decline filters of one framework.
    filters_per_framework,
    /// The ended tasks of one framework that are still shown.
    shown_ended_tasks_per_framework,
    /// The ids of ended tasks of one framework that may not be used again.
    remembered_task_ids_per_framework,
    /// The frameworks that are over and still shown.
    shown_completed_frameworks,
    /// The ids of frameworks that are over and may not be used again.
    remembered_framework_ids,
}

/// The most of anything: what a machine's memory may hold.
const MOST: usize = 100_000_000;

fn check(key: &'static str, value: usize) -> Result<(), ConfigError> {
    if (1..=MOST).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        key,
        value: value.to_string(),
        expected: format!("1 to {MOST}"),
    })
}
