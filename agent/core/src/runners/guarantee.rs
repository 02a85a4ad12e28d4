//! What each runner's tasks are guaranteed: told to the governor whenever it changes.

use crate::{Agent, Effect};

/// Tells what has changed since the last call.
pub(crate) fn tell(agent: &mut Agent, effects: &mut Vec<Effect>) {
    let untold = agent.runners.take_untold();
    effects.extend(untold.map(|(runner_id, cpus)| Effect::Guarantee { runner_id, cpus }));
}
