//! What operators ask for: one command, one file. Each is answered once.
//!
//! Owns the way from a command to its handler. Reading is not here: readers have a model of their
//! own, made of what [`crate::Effect::Changed`] tells.

mod kill_task;
mod teardown_framework;
mod transfer;

use crate::{
    effect::{Effect, OperatorRefusal},
    input::{OperatorCommand, RequestId},
    state::Cluster,
};

/// An operator wants something.
pub(crate) fn command(
    cluster: &mut Cluster,
    request: RequestId,
    command: OperatorCommand,
    effects: &mut Vec<Effect>,
) {
    match command {
        OperatorCommand::KillTask { task, grace } => {
            let result = kill_task::kill_task(cluster, &task, grace, effects);
            reply(request, result, effects);
        }
        OperatorCommand::TeardownFramework { framework_id } => {
            teardown_framework::teardown_framework(cluster, request, framework_id, effects);
        }
        OperatorCommand::Transfer(wanted) => {
            let result = transfer::transfer(cluster, wanted, effects);
            reply(request, result, effects);
        }
    }
}

fn reply(request: RequestId, result: Result<(), OperatorRefusal>, effects: &mut Vec<Effect>) {
    effects.push(Effect::Reply { request, result });
}
