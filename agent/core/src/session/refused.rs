//! The master does not want this agent: for now, or for ever.

use stoker_types::Timestamp;

use super::connection;
use crate::{Agent, Effect, stop};

/// Leaves the master. Unless it may try again, the agent ends its tasks and itself.
pub(crate) fn refused(
    agent: &mut Agent,
    now: Timestamp,
    message: String,
    retry: bool,
    effects: &mut Vec<Effect>,
) {
    connection::leave(agent, effects);
    if retry {
        tracing::warn!(message, "the master refused this agent for now");
    } else {
        tracing::error!(message, "the master refused this agent");
        stop::begin(agent, now, Some(message), effects);
    }
}
