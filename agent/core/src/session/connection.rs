//! A stream to a master opens, or ends.

use super::Stream;
use crate::{Agent, ConnectionId, Effect, state::Timer, updates::send};

/// A stream is open. The agent registers on it as soon as it knows what it has.
pub(crate) fn connected(agent: &mut Agent, connection: ConnectionId, effects: &mut Vec<Effect>) {
    leave(agent, effects);
    agent.session.stream = Stream::Recovering {
        connection,
        written: agent.log.last(),
    };
}

/// The stream is over. Tasks go on, and their updates are kept.
pub(crate) fn disconnected(agent: &mut Agent, connection: ConnectionId) {
    if agent.session.connection() == Some(connection) {
        close(agent);
    }
}

/// Ends the stream, if one is open, so that the driver dials again.
pub(crate) fn leave(agent: &mut Agent, effects: &mut Vec<Effect>) {
    if let Some(connection) = agent.session.connection() {
        effects.push(Effect::Disconnect { connection });
        close(agent);
    }
}

fn close(agent: &mut Agent) {
    agent.session.stream = Stream::Closed;
    agent.timers.cancel(&Timer::Registration);
    agent.timers.cancel(&Timer::RunnersTold);
    send::pause(agent);
}
