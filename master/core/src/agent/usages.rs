//! Usages: an agent tells what tasks that run have used so far. Nothing is decided by it: it is only
//! shown, until the next one or the task's last update tells more.

use stoker_types::{AgentId, TaskUsage};

use crate::state::Cluster;

/// Shows what tasks have used. One that is over, or that is not there, is not looked at: this may
/// have crossed its end.
pub(crate) fn usages(cluster: &mut Cluster, agent_id: AgentId, usages: Vec<TaskUsage>) {
    for TaskUsage { task: key, usage } in usages {
        if let Some(task) = cluster.tasks.get_mut(&key)
            && task.agent_id == agent_id
            && !task.state.is_terminal()
        {
            task.usage = task.usage.or_more(usage);
            cluster.changes.usage(key);
        }
    }
}
