//! The master has admitted the agent: what it has not acknowledged is sent again, at once.

use stoker_types::{AgentId, Epoch, Timestamp};

use super::{Stream, connection};
use crate::{Agent, Effect, runners, state::Timer, updates::send};

pub(crate) fn registered(
    agent: &mut Agent,
    now: Timestamp,
    agent_id: AgentId,
    epoch: Epoch,
    effects: &mut Vec<Effect>,
) {
    let Stream::Registering { connection } = agent.session.stream else {
        return;
    };
    if agent_id != agent.id {
        tracing::error!(%agent_id, own_id = %agent.id, "the master takes this agent for another");
        connection::leave(agent, effects);
        return;
    }
    tracing::info!(%epoch, tasks = agent.tasks.len(), "registered");
    agent.timers.cancel(&Timer::Registration);
    agent.session.stream = Stream::Registered { connection, epoch };
    let keys = agent.tasks.keys();
    send::restart(agent, now, &keys, effects);
    if !agent.runners.is_empty() {
        runners::list::changed(agent, now);
    }
}
