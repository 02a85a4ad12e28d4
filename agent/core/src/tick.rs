//! Time has passed: what is due is done.

use stoker_types::Timestamp;

use crate::{
    Agent, Effect, launch, recovery, runners, session, state::Timer, stop, updates, usage,
};

pub(crate) fn tick(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    while let Some(timer) = agent.timers.take_due(now) {
        match timer {
            Timer::Adoption => recovery::adopt::due(agent, now, effects),
            Timer::Registration => {
                tracing::warn!("the master does not answer the registration; leaving it");
                session::connection::leave(agent, effects);
            }
            Timer::RunnersTold => runners::list::due(agent, effects),
            Timer::UsageTold => usage::due(agent, now, effects),
            Timer::Stop => stop::due(agent, now, effects),
            Timer::RunnerIdle(runner_id) => runners::idle::stop(agent, runner_id, effects),
            Timer::RunnerRetry(tenant) => runners::tenant::serve(agent, &tenant, effects),
            Timer::PreparePhase(key) => launch::prepare::phase_due(agent, now, &key, effects),
            Timer::Resend(key) => updates::send::resend_due(agent, now, &key, effects),
        }
    }
}
