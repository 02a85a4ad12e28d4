//! A task is prepared: its module and inputs are fetched, checked and compiled by the driver.

use stoker_types::{Reason, TaskKey, TaskState, Timestamp};

use crate::{
    Agent, Effect, PrepareFailure, PreparePhase, Prepared,
    end::end,
    runners,
    state::{Phase, Timer},
    updates::make::{Step, make},
};

/// Has a task prepared.
pub(crate) fn begin(agent: &mut Agent, key: &TaskKey, effects: &mut Vec<Effect>) {
    if let Some(task) = agent.tasks.get_mut(key) {
        task.phase = Phase::Preparing { reached: None };
        effects.push(Effect::Prepare {
            task: key.clone(),
            launch: task.launch.clone(),
        });
    }
}

/// The preparation has reached a phase that takes time: it is told if it takes long.
pub(crate) fn preparing(agent: &mut Agent, now: Timestamp, key: &TaskKey, phase: PreparePhase) {
    let Some(task) = agent.tasks.get_mut(key) else {
        return;
    };
    if let Phase::Preparing { reached } = &mut task.phase
        && *reached != Some(phase)
    {
        *reached = Some(phase);
        let at = now.after(agent.config.timeouts.phase_told);
        agent.timers.set(Timer::PreparePhase(key.clone()), at);
    }
}

/// A phase of the preparation has lasted long.
pub(crate) fn phase_due(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get(key) else {
        return;
    };
    let Phase::Preparing {
        reached: Some(phase),
    } = task.phase
    else {
        return;
    };
    let reason = match phase {
        PreparePhase::Fetching => Reason::Fetching,
        PreparePhase::Compiling => Reason::Compiling,
    };
    let was_told = task
        .updates
        .latest()
        .is_some_and(|latest| latest.reason == Some(reason));
    if !was_told {
        let step = Step::new(TaskState::Starting, reason, "");
        make(agent, now, key, step, effects);
    }
}

/// The preparation is over.
pub(crate) fn prepared(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    result: Result<Prepared, PrepareFailure>,
    effects: &mut Vec<Effect>,
) {
    let Some(task) = agent.tasks.get_mut(key) else {
        return;
    };
    if !matches!(task.phase, Phase::Preparing { .. }) {
        return;
    }
    match result {
        Ok(prepared) => {
            task.phase = Phase::Waiting { prepared };
            let tenant = task.tenant();
            agent.timers.cancel(&Timer::PreparePhase(key.clone()));
            let waiting = &mut agent.runners.tenant_mut(&tenant).waiting;
            waiting.push_back(key.clone());
            runners::tenant::serve(agent, &tenant, effects);
        }
        Err(failure) => {
            let step = Step::new(
                failure.reason.failure_state(),
                failure.reason,
                failure.message,
            );
            end(agent, now, key, step, effects);
        }
    }
}
