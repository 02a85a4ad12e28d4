//! What is forgotten of the past, so that a master's memory has a bound.
//!
//! Owns which ended tasks and frameworks readers lose sight of. Never forgets what holds resources.

use stoker_types::{FrameworkId, TaskKey, TaskState};

use super::Cluster;

/// Of a framework's tasks that are over, only the last so many are shown.
pub(crate) fn ended_tasks(cluster: &mut Cluster, framework_id: FrameworkId) {
    let shown = cluster.config.limits.shown_ended_tasks_per_framework;
    let Some(framework) = cluster.frameworks.get_mut(framework_id) else {
        return;
    };
    while framework.ended_tasks.len() > shown {
        if let Some(task_id) = framework.ended_tasks.pop_front() {
            let oldest = TaskKey {
                framework_id,
                task_id,
            };
            cluster.tasks.remove(&oldest);
            cluster.changes.task_forgotten(oldest);
        }
    }
}

/// Of the frameworks that are over, only the last so many are shown; one whose tasks still hold
/// resources stays until they do not.
pub(crate) fn completed_frameworks(cluster: &mut Cluster) {
    let shown = cluster.config.limits.shown_completed_frameworks;
    while cluster.frameworks.completed.len() > shown {
        let completed = &cluster.frameworks.completed;
        let Some(position) = completed
            .iter()
            .position(|id| may_be_forgotten(cluster, *id))
        else {
            return;
        };
        if let Some(framework_id) = cluster.frameworks.completed.remove(position) {
            forget_framework(cluster, framework_id);
        }
    }
}

fn may_be_forgotten(cluster: &Cluster, framework_id: FrameworkId) -> bool {
    let Some(framework) = cluster.frameworks.get(framework_id) else {
        return true;
    };
    framework.tasks.iter().cloned().all(|task_id| {
        let key = TaskKey {
            framework_id,
            task_id,
        };
        let task = cluster.tasks.get(&key);
        task.is_none_or(|task| task.state == TaskState::Unreachable)
    })
}

fn forget_framework(cluster: &mut Cluster, framework_id: FrameworkId) {
    let Some(framework) = cluster.frameworks.remove(framework_id) else {
        return;
    };
    for task_id in framework.tasks.into_iter().chain(framework.ended_tasks) {
        let key = TaskKey {
            framework_id,
            task_id,
        };
        let agent_id = cluster.tasks.get(&key).map(|task| task.agent_id);
        if let Some(agent) = agent_id.and_then(|agent_id| cluster.agents.get_mut(agent_id)) {
            agent.tasks.remove(&key);
        }
        cluster.tasks.remove(&key);
        cluster.changes.task_forgotten(key);
    }
    cluster.changes.framework_forgotten(framework_id);
}
