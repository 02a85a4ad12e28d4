//! Effects, one by one: each is handed to the part that carries it out.

use stoker_agent_core::Effect;
use stoker_types::TaskKey;

use super::{Driver, Exit};
use crate::checkpoint::Entry;

impl Driver {
    /// Carries out effects in their order. Never waits.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(effect);
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        let parts = &mut self.parts;
        match effect {
            Effect::Persist {
                sequence,
                record,
                durability,
            } => {
                parts.known_tasks.note(&record);
                self.group.push(Entry {
                    sequence,
                    record,
                    durability,
                });
            }
            Effect::ToMaster { connection, call } => parts.master.send(connection, call),
            Effect::Disconnect { connection } => parts.master.disconnect(connection),
            Effect::Prepare { task, launch } => parts.artifacts.prepare(task, launch),
            Effect::CancelPrepare { task } => parts.artifacts.cancel(&task),
            Effect::UploadOutputs { task, paths } => parts.uploads.start(task, paths),
            Effect::CancelUpload { task } => parts.uploads.cancel(&task),
            Effect::StartRunner {
                runner_id,
                nonce,
                tenant,
            } => {
                tracing::info!(
                    %runner_id,
                    framework_id = %tenant.framework_id,
                    role = %tenant.role,
                    "starting a runner"
                );
                parts.runners.start(runner_id, nonce, tenant);
            }
            Effect::AdoptRunner {
                runner_id,
                nonce,
                confirmed_event,
            } => {
                parts.runners.adopt(runner_id, nonce, confirmed_event);
            }
            Effect::Launch {
                runner_id,
                launch,
                module,
                stdin,
            } => {
                let task = TaskKey {
                    framework_id: launch.framework_id,
                    task_id: launch.task.id.clone(),
                };
                let code = parts.artifacts.module(&task);
                parts
                    .runners
                    .launch(runner_id, launch, (module, code), stdin);
            }
            Effect::Kill {
                runner_id,
                task,
                grace,
            } => parts.runners.kill(runner_id, task, grace),
            Effect::Guarantee { runner_id, cpus } => parts.runners.guarantee(runner_id, cpus),
            Effect::ConfirmEvent { runner_id, event } => parts.runners.confirm(runner_id, event),
            Effect::StopRunner { runner_id } => parts.runners.stop(runner_id),
            Effect::Transfer(request) => parts.transfers.start(request),
            Effect::Forgotten { task } => parts.artifacts.release(&task),
            Effect::Exit { failure } => self.exit = Some(Exit { failure }),
        }
    }
}
