//! Takes up what an earlier daemon left: each task goes on from where the log says it was.

use stoker_types::{Reason, TaskKey, TaskState, Timestamp, Usage, runner::Tenant};

use crate::{
    Agent, Effect, Record, Recovered, RecoveredRunner, RecoveredTask,
    end::end,
    kill, launch, outputs, runners,
    state::{Awaiting, Kill, Phase, Runner, RunnerState, Task, Timer},
    updates::{
        NUMBERS_LOST_BY_A_BOOT, UpdateQueue, acknowledge,
        make::{Step, make},
    },
};

/// Fills an empty agent.
pub(crate) fn restore(
    agent: &mut Agent,
    now: Timestamp,
    recovered: Recovered,
    effects: &mut Vec<Effect>,
) {
    let was_booted = recovered.machine_was_booted;
    for runner in recovered.runners {
        if was_booted {
            let runner_id = runner.id;
            let record = Record::RunnerEnded { runner_id };
            agent.log.persist(record, Awaiting::Nothing, effects);
        } else {
            restore_runner(agent, now, runner, effects);
        }
    }
    for task in recovered.tasks {
        restore_task(agent, now, task, was_booted, effects);
    }
    let record = Record::Identity {
        agent_id: agent.id,
        boot_id: agent.config.boot_id.clone(),
    };
    agent.log.persist(record, Awaiting::Nothing, effects);
}

/// Looks for a runner of an earlier daemon, which goes on taking its tenant's tasks.
fn restore_runner(
    agent: &mut Agent,
    now: Timestamp,
    recovered: RecoveredRunner,
    effects: &mut Vec<Effect>,
) {
    effects.push(Effect::AdoptRunner {
        runner_id: recovered.id,
        nonce: recovered.nonce,
        confirmed_event: recovered.confirmed_event,
    });
    let tenant: Tenant = recovered.tenant;
    agent
        .runners
        .tenant_mut(&tenant)
        .runners
        .insert(recovered.id);
    let mut runner = Runner::new(recovered.id, recovered.nonce, tenant, RunnerState::Adopting);
    runner.seen_event = recovered.confirmed_event;
    runner.confirmed_event = recovered.confirmed_event;
    runner.logged = recovered
        .confirmed_record
        .map(|record| (recovered.confirmed_event, record));
    agent.runners.insert(runner);
    let at = now.after(agent.config.timeouts.adoption);
    agent.timers.set_if_unset(Timer::Adoption, at);
}

fn restore_task(
    agent: &mut Agent,
    now: Timestamp,
    recovered: RecoveredTask,
    was_booted: bool,
    effects: &mut Vec<Effect>,
) {
    let updates = UpdateQueue::restore(&recovered);
    let mut task = Task::new(Box::new(recovered.launch));
    let key = task.key();
    task.is_written = true;
    task.usage = updates
        .latest()
        .map(|latest| latest.usage)
        .unwrap_or_default();
    task.updates = updates;
    task.kill = recovered.kill.map(|(reason, grace)| Kill {
        reason,
        grace,
        is_written: true,
    });
    if task.updates.state().is_terminal() {
        task.phase = Phase::Ended;
        let is_over = task.updates.is_over();
        agent.tasks.insert(task);
        if is_over {
            acknowledge::forget(agent, &key, effects);
        }
        return;
    }
    task.is_charged = agent.ledger.restore(&task.launch.allocated);
    let runner_id = recovered.runner_id;
    let kill_reason = recovered.kill.map(|(reason, _)| reason);
    let outputs_pending = recovered.outputs_pending;
    runners::tenant::joined(agent, &task.tenant());
    agent.tasks.insert(task);
    if was_booted {
        let message = "the machine was booted";
        let mut step = Step::new(TaskState::Gone, Reason::AgentRestarted, message);
        step.skipped_numbers = NUMBERS_LOST_BY_A_BOOT;
        return end(agent, now, &key, step, effects);
    }
    if let Some(usage) = outputs_pending {
        return restore_upload(agent, now, &key, (usage, kill_reason), effects);
    }
    match (runner_id, kill_reason) {
        (None, None) => launch::prepare::begin(agent, &key, effects),
        (None, Some(reason)) => {
            let step = kill::kill_task::never_ran(reason);
            end(agent, now, &key, step, effects);
        }
        (Some(runner_id), kill_reason) => {
            let Some(runner) = agent.runners.get_mut(runner_id) else {
                let message = "the runner ended while the agent was away";
                let step = runners::lost::runner_lost(kill_reason, message);
                return end(agent, now, &key, step, effects);
            };
            runner.has_hosted = true;
            if let Some(task) = agent.tasks.get_mut(&key) {
                task.phase = Phase::HandedOver { runner_id };
                let cpus = task.launch.task.resources.cpus;
                agent.runners.hold(runner_id, key.clone(), cpus);
            }
            if let Some(reason) = kill_reason {
                let step = Step::new(TaskState::Killing, reason, "");
                make(agent, now, &key, step, effects);
            }
        }
    }
}

/// A task had exited with 0, and its outputs were not told of yet: they are uploaded again.
fn restore_upload(
    agent: &mut Agent,
    now: Timestamp,
    key: &TaskKey,
    (usage, kill_reason): (Usage, Option<Reason>),
    effects: &mut Vec<Effect>,
) {
    if let Some(reason) = kill_reason {
        return end(agent, now, key, outputs::killed(reason, usage), effects);
    }
    if let Some(task) = agent.tasks.get_mut(key) {
        task.phase = Phase::Uploading { usage };
    }
    outputs::upload(agent, key, effects);
}
