//! A prepared task is handed to its tenant's runner: first in the log, then in truth.

use stoker_types::{RunnerId, TaskKey, Timestamp};

use crate::{
    Agent, Effect, Record, runners,
    state::{Awaiting, Phase, RunnerState},
};

/// Writes that a waiting task is about to be handed to this runner.
pub(crate) fn hand_over(
    agent: &mut Agent,
    key: &TaskKey,
    runner_id: RunnerId,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get_mut(key) else {
        return;
    };
    let Phase::Waiting { prepared } = &task.phase else {
        return;
    };
    task.phase = Phase::HandingOver {
        runner_id,
        prepared: prepared.clone(),
    };
    let cpus = task.launch.task.resources.cpus;
    agent.runners.hold(runner_id, key.clone(), cpus);
    let record = Record::HandedOver {
        task: key.clone(),
        runner_id,
    };
    let awaiting = Awaiting::HandedOver {
        task: key.clone(),
        runner_id,
    };
    agent.log.persist(record, awaiting, effects);
}

/// The log says so: the runner gets the task, unless either is over meanwhile.
pub(crate) fn written(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    to: RunnerId,
    effects: &mut Vec<Effect>,
) {
    let (Some(task), Some(runner)) = (agent.tasks.get_mut(key), agent.runners.get_mut(to)) else {
        return;
    };
    if !matches!(runner.state, RunnerState::Ready { .. }) {
        return;
    }
    let Phase::HandingOver {
        runner_id,
        prepared,
    } = &task.phase
    else {
        return;
    };
    if *runner_id != to {
        return;
    }
    effects.push(Effect::Launch {
        runner_id: to,
        launch: task.launch.clone(),
        module: prepared.module,
        stdin: prepared.stdin.clone(),
    });
    task.phase = Phase::HandedOver { runner_id: to };
    runner.has_hosted = true;
    let tenant = runner.tenant.clone();
    agent.runners.tenant_mut(&tenant).failures = 0;
    runners::list::changed(agent, now);
}
