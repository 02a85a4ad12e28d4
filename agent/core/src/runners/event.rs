//! A runner tells how its tasks fare. Each event is taken once, and confirmed when what follows
//! from it is in the log.

use stoker_types::{
    Reason, RunnerId, TaskKey, TaskState, Timestamp, Usage,
    runner::{Event, NumberedEvent, Outcome},
};

use crate::{
    Agent, Effect,
    end::end,
    outputs, recovery,
    state::{Phase, RunnerState, Task},
    updates::make::{Step, make},
};

/// Takes an event, unless it has come before. One that leaves nothing to write is not confirmed
/// by itself, but with the next one that does.
pub(crate) fn event(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    event: NumberedEvent,
    effects: &mut Vec<Effect>,
) {
    let Some(runner) = agent.runners.get_mut(runner_id) else {
        return;
    };
    match runner.state {
        RunnerState::StartPending | RunnerState::Starting | RunnerState::Adopting => return,
        RunnerState::Replaying { .. }
        | RunnerState::Ready { .. }
        | RunnerState::Stopping { .. } => {}
    }
    if event.number <= runner.confirmed_event {
        effects.push(Effect::ConfirmEvent {
            runner_id,
            event: runner.confirmed_event,
        });
        return;
    }
    if event.number <= runner.seen_event {
        return;
    }
    runner.seen_event = event.number;
    let from = (runner_id, event.number);
    match event.event {
        Event::Started { task } => started(agent, now, &task, from, effects),
        Event::Ended {
            task,
            outcome,
            usage,
        } => ended(agent, now, (&task, outcome, usage), from, effects),
    }
    recovery::adopt::check_replay(agent, now, runner_id, effects);
}

/// Tells a runner that an event and all before are safe.
pub(crate) fn confirm(
    agent: &mut Agent,
    runner_id: RunnerId,
    event: u64,
    effects: &mut Vec<Effect>,
) {
    if let Some(runner) = agent.runners.get_mut(runner_id)
        && event > runner.confirmed_event
    {
        runner.confirmed_event = event;
        effects.push(Effect::ConfirmEvent { runner_id, event });
    }
}

fn started(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    from: (RunnerId, u64),
    effects: &mut Vec<Effect>,
) {
    if is_held_by(agent, key, from.0) {
        let mut step = Step::new(TaskState::Running, None, "");
        step.runner_event = Some(from);
        make(agent, now, key, step, effects);
    }
}

fn ended(
    agent: &mut Agent,
    now: Timestamp,
    (key, outcome, usage): (&TaskKey, Outcome, Usage),
    from: (RunnerId, u64),
    effects: &mut Vec<Effect>,
) {
    if !is_held_by(agent, key, from.0) {
        return;
    }
    let known = agent.tasks.get(key).map(|task| task.usage);
    let usage = known.unwrap_or_default().or_more(usage);
    let kill = agent.tasks.get(key).and_then(|task| task.kill);
    let has_outputs = agent.tasks.get(key).is_some_and(has_outputs);
    let exit_code = match outcome {
        Outcome::Exited { code } => Some(code),
        Outcome::Failed { .. } | Outcome::Killed => None,
    };
    let mut step = match outcome {
        Outcome::Exited { code: 0 } if has_outputs => match kill {
            Some(kill) => outputs::killed(kill.reason, usage),
            None => return outputs::pending(agent, now, (key, usage), from, effects),
        },
        Outcome::Exited { code: 0 } => Step::new(TaskState::Finished, None, ""),
        Outcome::Exited { code } => {
            let message = format!("exited with code {code}");
            Step::new(TaskState::Failed, Reason::ExitCode, message)
        }
        Outcome::Failed { reason, message } => Step::new(reason.failure_state(), reason, message),
        Outcome::Killed => {
            let reason = kill.map_or(Reason::AgentStopped, |kill| kill.reason);
            Step::new(TaskState::Killed, reason, "")
        }
    };
    step.exit_code = exit_code;
    step.usage = Some(usage);
    step.runner_event = Some(from);
    end(agent, now, key, step, effects);
}

fn has_outputs(task: &Task) -> bool {
    !task.launch.task.outputs.is_empty()
}

/// Whether a task was handed to this runner: no runner speaks of another's tasks.
pub(crate) fn is_held_by(agent: &Agent, key: &TaskKey, runner_id: RunnerId) -> bool {
    agent
        .tasks
        .get(key)
        .is_some_and(|task| task.phase == Phase::HandedOver { runner_id })
}
