//! A tenant's tasks have no room in its runners: one is started, first in the log, then in truth.

use stoker_types::{RunnerId, runner::Tenant};

use crate::{
    Agent, Effect, Record,
    state::{Awaiting, Runner, RunnerState},
};

/// Writes that a runner is about to be started.
pub(crate) fn start(agent: &mut Agent, tenant: &Tenant, effects: &mut Vec<Effect>) {
    let runner_id = agent.generator.runner_id();
    let nonce = agent.generator.next_u64();
    agent.runners.insert(Runner::new(
        runner_id,
        nonce,
        tenant.clone(),
        RunnerState::StartPending,
    ));
    agent.runners.tenant_mut(tenant).runners.insert(runner_id);
    let record = Record::RunnerStarted {
        runner_id,
        nonce,
        tenant: tenant.clone(),
    };
    agent
        .log
        .persist(record, Awaiting::RunnerStarted(runner_id), effects);
}

/// The log says so: the driver starts it.
pub(crate) fn written(agent: &mut Agent, runner_id: RunnerId, effects: &mut Vec<Effect>) {
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    if runner.state == RunnerState::StartPending {
        runner.state = RunnerState::Starting;
        effects.push(Effect::StartRunner {
            runner_id,
            nonce: runner.nonce,
            tenant: runner.tenant.clone(),
        });
    }
}
