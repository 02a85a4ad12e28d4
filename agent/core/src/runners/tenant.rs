//! Who needs a runner: tasks join and leave their tenant, and those that are ready are served.

use stoker_types::{RunnerId, TaskKey, Timestamp, runner::Tenant};

use super::{idle, list, start};
use crate::{
    Agent, Effect,
    launch::hand_over::hand_over,
    state::{Phase, Runner, Tasks, Timer},
};

/// A task of this tenant begins to live: one of its runners is kept for it.
pub(crate) fn joined(agent: &mut Agent, tenant: &Tenant) {
    agent.runners.count_in(tenant);
    let is_idle = |runner: &Runner| runner.idle_since.is_some();
    let are_all_idle = agent.runners.of_tenant(tenant).all(is_idle);
    let first = agent.runners.of_tenant(tenant).next();
    if let Some(kept) = first.map(|runner| runner.id).filter(|_| are_all_idle) {
        idle::cease(agent, kept);
    }
}

/// A task of this tenant is over: its runner may be idle now.
pub(crate) fn left(agent: &mut Agent, now: Timestamp, tenant: &Tenant, effects: &mut Vec<Effect>) {
    agent.runners.count_out(tenant);
    if agent.runners.tenant_mut(tenant).live == 0 {
        agent.timers.cancel(&Timer::RunnerRetry(tenant.clone()));
    }
    idle::check(agent, now, tenant, effects);
    agent.runners.prune(tenant);
}

/// A runner does not have this task any more: it has room for another.
pub(crate) fn release(
    agent: &mut Agent,
    now: Timestamp,
    runner_id: RunnerId,
    key: &TaskKey,
    effects: &mut Vec<Effect>,
) {
    let task = agent.tasks.get(key);
    let cpus = task.map(|task| task.launch.task.resources.cpus);
    agent
        .runners
        .release(runner_id, key, cpus.unwrap_or_default());
    let Some(runner) = agent.runners.get(runner_id) else {
        return;
    };
    let tenant = runner.tenant.clone();
    serve(agent, &tenant, effects);
    idle::check(agent, now, &tenant, effects);
    list::changed(agent, now);
}

/// Gives a tenant's waiting tasks to its runners, and has one started if they have no room.
pub(crate) fn serve(agent: &mut Agent, tenant: &Tenant, effects: &mut Vec<Effect>) {
    let room = agent.config.limits.tasks_per_runner;
    while let Some(runner_id) = agent.runners.with_room(tenant, room)
        && let Some(key) = next_waiting(agent, tenant)
    {
        idle::cease(agent, runner_id);
        hand_over(agent, &key, runner_id, effects);
    }
    let to_come = agent.runners.room_to_come(tenant, room);
    let is_deferred = agent.timers.is_set(&Timer::RunnerRetry(tenant.clone()));
    if !is_deferred && waits_for_more_than(agent, tenant, to_come) {
        start::start(agent, tenant, effects);
    }
}

/// Takes the next task out of a tenant's queue, and those before it that are over meanwhile.
fn next_waiting(agent: &mut Agent, tenant: &Tenant) -> Option<TaskKey> {
    loop {
        let key = agent.runners.tenant_mut(tenant).waiting.pop_front()?;
        if is_waiting(&agent.tasks, &key) {
            return Some(key);
        }
    }
}

/// Whether more tasks of this tenant wait than so many. Those that are over meanwhile are struck
/// out only when that matters: the queue may be long.
pub(crate) fn waits_for_more_than(agent: &mut Agent, tenant: &Tenant, room: usize) -> bool {
    let tasks = &agent.tasks;
    let waiting = &mut agent.runners.tenant_mut(tenant).waiting;
    if waiting.len() > room {
        waiting.retain(|key| is_waiting(tasks, key));
    }
    waiting.len() > room
}

fn is_waiting(tasks: &Tasks, key: &TaskKey) -> bool {
    tasks
        .get(key)
        .is_some_and(|task| matches!(task.phase, Phase::Waiting { .. }))
}
