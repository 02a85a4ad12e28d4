//! A task ends: its last update is made, and what it held is given back.

use stoker_types::{TaskKey, Timestamp};

use crate::{
    Agent, Effect, runners,
    state::{Phase, Timer},
    updates::make::{Step, make},
};

/// Ends a living task with its last update.
pub(crate) fn end(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    step: Step,
    effects: &mut Vec<Effect>,
) {
    debug_assert!(step.state.is_terminal());
    let Some(task) = agent.tasks.get_mut(key).filter(|task| !task.has_ended()) else {
        return;
    };
    let phase = std::mem::replace(&mut task.phase, Phase::Ended);
    let tenant = task.tenant();
    if std::mem::take(&mut task.is_charged) {
        agent.ledger.give_back(&task.launch.allocated);
    }
    match phase {
        Phase::HandingOver { runner_id, .. } | Phase::HandedOver { runner_id } => {
            runners::tenant::release(agent, now, runner_id, key, effects);
        }
        Phase::Admitting
        | Phase::Preparing { .. }
        | Phase::Waiting { .. }
        | Phase::Uploading { .. }
        | Phase::Ended
        | Phase::Forgetting => {}
    }
    agent.timers.cancel(&Timer::PreparePhase(key.clone()));
    make(agent, now, key, step, effects);
    runners::tenant::left(agent, now, &tenant, effects);
}
