//! What tasks use while they run: told by runners, kept for each task, and told to the master at
//! most once a second and in one batch. Nothing of it is logged or acknowledged: what is lost on the
//! way is told again with the next news of the task, at a registration, and with its last update.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use stoker_types::{
    RunnerId, TaskKey, TaskUsage, Timestamp, agent::AgentCall, limit, runner::USAGE_INTERVAL,
};

use crate::{Agent, Effect, runners::event::is_held_by, state::Timer};

/// The tasks whose use is to be told, those first that have waited longest.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsageNews {
    order: VecDeque<TaskKey>,
    keys: BTreeSet<TaskKey>,
}

impl UsageNews {
    fn push(&mut self, key: TaskKey) {
        if self.keys.insert(key.clone()) {
            self.order.push_back(key);
        }
    }

    fn pop(&mut self) -> Option<TaskKey> {
        let key = self.order.pop_front()?;
        self.keys.remove(&key);
        Some(key)
    }
}

/// A module was compiled for a task.
pub(crate) fn compiled(agent: &mut Agent, key: &TaskKey, time: Duration) {
    if let Some(task) = agent.tasks.get_mut(key) {
        task.usage.compile_time += time;
    }
}

/// A runner tells what some of its tasks have used.
pub(crate) fn told(agent: &mut Agent, now: Timestamp, runner_id: RunnerId, usages: Vec<TaskUsage>) {
    for TaskUsage { task: key, usage } in usages {
        if !is_held_by(agent, &key, runner_id) {
            continue;
        }
        if let Some(task) = agent.tasks.get_mut(&key) {
            task.usage = task.usage.or_more(usage);
            agent.usage_news.push(key);
        }
    }
    if !agent.usage_news.keys.is_empty() {
        let at = now.after(USAGE_INTERVAL);
        agent.timers.set_if_unset(Timer::UsageTold, at);
    }
}

/// Tells the master the news, as many as fit into a batch; what is left, or what nobody hears now,
/// waits for the next time.
pub(crate) fn due(agent: &mut Agent, now: Timestamp, effects: &mut Vec<Effect>) {
    if let Some(connection) = agent.session.registered() {
        let mut usages = Vec::new();
        while usages.len() < limit::BATCH_ITEMS
            && let Some(key) = agent.usage_news.pop()
        {
            // The last update of one that has ended tells all.
            if let Some(task) = agent.tasks.get(&key).filter(|task| !task.has_ended()) {
                let usage = task.usage;
                usages.push(TaskUsage { task: key, usage });
            }
        }
        if !usages.is_empty() {
            let call = AgentCall::Usages(usages);
            effects.push(Effect::ToMaster { connection, call });
        }
    }
    if !agent.usage_news.keys.is_empty() {
        let at = now.after(USAGE_INTERVAL);
        agent.timers.set_if_unset(Timer::UsageTold, at);
    }
}
