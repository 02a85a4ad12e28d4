//! Acknowledge: a scheduler has taken care of a task's updates up to a number.
//!
//! Owns the check that there is such an update; passes it on to the agent, which forgets them.

use stoker_types::{AgentId, TaskId, TaskKey};

use super::{Caller, refuse};
use crate::{
    effect::Effect,
    state::{Cluster, life},
    validation::Refusal,
};

/// Which update of which task on which agent.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledgement {
    pub(crate) agent_id: AgentId,
    pub(crate) task_id: TaskId,
    pub(crate) number: u64,
}

/// Acknowledges updates of one of the caller's tasks. Doing it twice does no harm.
pub(crate) fn acknowledge(
    cluster: &mut Cluster,
    caller: &Caller,
    acknowledgement: &Acknowledgement,
    effects: &mut Vec<Effect>,
) {
    let number = acknowledgement.number;
    let key = TaskKey {
        framework_id: caller.framework_id,
        task_id: acknowledgement.task_id.clone(),
    };
    match judge(cluster, &key, acknowledgement) {
        Ok(Standing::New) => life::acknowledge(cluster, &key, number, effects),
        Ok(Standing::Known) => {}
        Err(refusal) => refuse(cluster, caller, &refusal, effects),
    }
}

enum Standing {
    New,
    Known,
}

fn judge(
    cluster: &Cluster,
    key: &TaskKey,
    acknowledgement: &Acknowledgement,
) -> Result<Standing, Refusal> {
    let number = acknowledgement.number;
    let task_id = || key.task_id.clone();
    let Some(task) = cluster.tasks.get(key) else {
        let framework = cluster.frameworks.get(key.framework_id);
        return match framework {
            Some(framework) if framework.ended_task_ids.contains(&key.task_id) => {
                Ok(Standing::Known)
            }
            Some(_) | None => Err(Refusal::TaskUnknown(task_id())),
        };
    };
    if task.agent_id != acknowledgement.agent_id {
        return Err(Refusal::TaskElsewhere {
            task_id: task_id(),
            is_on: task.agent_id,
            named: acknowledgement.agent_id,
        });
    }
    if number == 0 || number > task.latest_number {
        return Err(Refusal::UpdateUnknown {
            task_id: task_id(),
            number,
            latest: task.latest_number,
        });
    }
    if number <= task.acknowledged_number {
        return Ok(Standing::Known);
    }
    Ok(Standing::New)
}
