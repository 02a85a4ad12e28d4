//! The list of runners, for the operator's eyes: told to the master whenever it changes, at most
//! every 100 ms.

use stoker_types::{
    Timestamp,
    agent::{AgentCall, RunnerInfo},
};

use crate::{
    Agent, Effect,
    state::{Runner, Timer},
};

/// The list is not what the master was told.
pub(crate) fn changed(agent: &mut Agent, now: Timestamp) {
    if agent.session.registered().is_some() {
        let at = now.after(agent.config.timeouts.runners_told);
        agent.timers.set_if_unset(Timer::RunnersTold, at);
    }
}

/// Tells the list.
pub(crate) fn due(agent: &Agent, effects: &mut Vec<Effect>) {
    if let Some(connection) = agent.session.registered() {
        let runners = agent.runners.iter().filter_map(describe).collect();
        effects.push(Effect::ToMaster {
            connection,
            call: AgentCall::Runners(runners),
        });
    }
}

/// A runner that has answered, and so has a process.
fn describe(runner: &Runner) -> Option<RunnerInfo> {
    Some(RunnerInfo {
        id: runner.id,
        pid: runner.state.pid()?,
        framework_id: runner.tenant.framework_id,
        role: runner.tenant.role.clone(),
        tasks: u32::try_from(runner.tasks.len()).unwrap_or(u32::MAX),
    })
}
