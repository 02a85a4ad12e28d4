//! Read what is in a task's sandbox: its agent is asked to open a transfer. The bytes never pass
//! here.

use stoker_types::agent::{AgentEvent, TransferRequest};

use crate::{
    effect::{Effect, OperatorRefusal},
    state::{Cluster, life},
};

/// Has the task's agent open a transfer, also after the task's end.
pub(super) fn transfer(
    cluster: &Cluster,
    transfer: TransferRequest,
    effects: &mut Vec<Effect>,
) -> Result<(), OperatorRefusal> {
    let task = cluster.tasks.get(&transfer.task);
    let Some(agent_id) = task.map(|task| task.agent_id) else {
        return Err(OperatorRefusal::TaskUnknown(transfer.task));
    };
    if life::tell_agent(cluster, agent_id, AgentEvent::Transfer(transfer), effects) {
        Ok(())
    } else {
        Err(OperatorRefusal::AgentUnavailable(agent_id))
    }
}
