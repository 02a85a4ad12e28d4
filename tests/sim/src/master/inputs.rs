//! What reaches the master's core, and what the checker notes of it before the core does.

use stoker_master_core::{Input, OperatorCommand};
use stoker_types::{FrameworkId, TaskKey, Timestamp, agent::AgentCall, scheduler::Call};

use super::{MasterProcess, connection};
use crate::{
    network::{ConnectionNumber, Message, Peer},
    scene::Scene,
};

/// A message as an input; none if it is no call.
pub(super) fn of_message(number: ConnectionNumber, message: Message) -> Option<Input> {
    let connection = connection(number);
    match message {
        Message::AgentCall(call) => Some(Input::Agent { connection, call }),
        Message::SchedulerCall(call) => Some(Input::Scheduler { connection, call }),
        Message::AgentEvent(..) | Message::SchedulerEvent(..) => None,
    }
}

/// The end of a peer's stream.
pub(super) const fn of_end(number: ConnectionNumber, peer: Peer) -> Input {
    let connection = connection(number);
    match peer {
        Peer::Agent(_) => Input::AgentDisconnected { connection },
        Peer::Scheduler(_) => Input::SchedulerDisconnected { connection },
    }
}

/// The answers to a commit.
pub(super) fn of_commit(numbers: Vec<u64>) -> Vec<Input> {
    let answer = |sequence| Input::Persisted { sequence };
    numbers.into_iter().map(answer).collect()
}

impl MasterProcess {
    /// Tells the checker what the core is about to hear. The end of a stream also takes it off the
    /// table: nothing more comes from it.
    pub(super) fn observe_input(&mut self, scene: &mut Scene, now: Timestamp, input: &Input) {
        match input {
            Input::Scheduler { connection, call } => {
                self.observe_scheduler(scene, connection.0, &call.call);
            }
            Input::Agent { connection, call } => self.observe_agent(scene, connection.0, call),
            Input::SchedulerDisconnected { connection }
            | Input::AgentDisconnected { connection } => {
                let end = self.streams.remove(&connection.0);
                if let Some(framework_id) = end.and_then(|end| end.framework_id) {
                    scene
                        .checker
                        .scheduler_left(framework_id, connection.0, now);
                }
            }
            Input::Operator { command, .. } => match command {
                OperatorCommand::KillTask { task, .. } => scene.checker.kill_asked(task),
                OperatorCommand::TeardownFramework { framework_id } => {
                    scene.checker.teardown_asked(*framework_id);
                }
                OperatorCommand::Transfer(_) => {}
            },
            Input::Tick | Input::Persisted { .. } | Input::SchedulerCallInvalid { .. } => {}
        }
    }

    fn observe_scheduler(&mut self, scene: &mut Scene, number: ConnectionNumber, call: &Call) {
        let Some(end) = self.streams.get_mut(&number) else {
            return;
        };
        if let Call::Subscribe {
            framework,
            framework_id,
            ..
        } = call
        {
            end.framework_id = *framework_id;
            end.failover_timeout = framework.failover_timeout;
            return;
        }
        let Some(framework_id) = end.framework_id else {
            return;
        };
        observe_call(scene, framework_id, call);
    }

    fn observe_agent(&mut self, scene: &mut Scene, number: ConnectionNumber, call: &AgentCall) {
        let Some(end) = self.streams.get_mut(&number) else {
            return;
        };
        match call {
            AgentCall::Register { agent, boot_id } => {
                end.agent_id = Some(agent.id);
                scene
                    .checker
                    .agent_registers(agent.id, agent.resources.clone(), boot_id);
            }
            AgentCall::Snapshot { tasks, .. } => end.told.extend(tasks.iter().cloned()),
            AgentCall::Update(update) => {
                if let Some(agent_id) = end.agent_id {
                    scene.checker.update_arrived(agent_id, number, update);
                }
            }
            AgentCall::Pong
            | AgentCall::Runners(_)
            | AgentCall::Usages(_)
            | AgentCall::Unregister => {}
        }
    }
}

fn observe_call(scene: &mut Scene, framework_id: FrameworkId, call: &Call) {
    match call {
        Call::Accept { offer_ids, .. } | Call::Decline { offer_ids, .. } => {
            for offer_id in offer_ids {
                scene.checker.offer_over(*offer_id);
            }
        }
        Call::Teardown => scene.checker.teardown_asked(framework_id),
        Call::Kill { task_id, .. } => {
            let task_id = task_id.clone();
            scene.checker.kill_asked(&TaskKey {
                framework_id,
                task_id,
            });
        }
        Call::Subscribe { .. }
        | Call::Revive { .. }
        | Call::Suppress { .. }
        | Call::Acknowledge { .. }
        | Call::Reconcile { .. }
        | Call::Message { .. } => {}
    }
}
