//! What the master tells an agent.

use stoker_types::{
    Epoch, Reason, TaskInfo, TaskKey,
    agent::{AgentEvent, Launch},
    limit,
};

use crate::{
    convert::{
        batch,
        enums::WireEnum as _,
        error::{ConvertError, Under as _},
        read::{grace, list, message, millis, parse, required},
        task::check_sandbox_paths,
    },
    v1::{self, agent_event as wire},
};

/// Reads a batch: the master's term, and its events in order.
///
/// # Errors
/// If the batch is over its bound or an event breaks a rule.
pub fn decode_events(batch: v1::AgentEvents) -> Result<(Epoch, Vec<AgentEvent>), ConvertError> {
    let events = list(
        batch.events,
        "events",
        limit::BATCH_ITEMS,
        TryInto::try_into,
    )?;
    Ok((Epoch::new(batch.epoch), events))
}

/// Writes batches within their bounds.
pub fn encode_events(
    epoch: Epoch,
    events: impl IntoIterator<Item = AgentEvent>,
) -> Vec<v1::AgentEvents> {
    let events = events.into_iter().map(v1::AgentEvent::from);
    batch::split(events, limit::BATCH_BYTES)
        .into_iter()
        .map(|events| v1::AgentEvents {
            epoch: epoch.get(),
            events,
        })
        .collect()
}

impl From<AgentEvent> for v1::AgentEvent {
    fn from(event: AgentEvent) -> Self {
        let event = match event {
            AgentEvent::Registered { agent_id, epoch } => {
                wire::Event::Registered(wire::Registered {
                    agent_id: agent_id.to_string(),
                    epoch: epoch.get(),
                })
            }
            AgentEvent::Launch(launch) => wire::Event::Launch((*launch).into()),
            AgentEvent::Kill {
                task,
                reason,
                grace,
            } => wire::Event::Kill(wire::Kill {
                task: Some(task.into()),
                reason: v1::Reason::from(reason).into(),
                grace_ms: grace.map(millis),
            }),
            AgentEvent::ShutdownFramework { framework_id } => {
                wire::Event::ShutdownFramework(wire::ShutdownFramework {
                    framework_id: framework_id.to_string(),
                })
            }
            AgentEvent::Acknowledge { task, number } => {
                wire::Event::Acknowledge(wire::Acknowledge {
                    task: Some(task.into()),
                    number,
                })
            }
            AgentEvent::ResendUpdates { framework_id } => {
                wire::Event::ResendUpdates(wire::ResendUpdates {
                    framework_id: framework_id.to_string(),
                })
            }
            AgentEvent::Transfer(request) => wire::Event::Transfer(request.into()),
            AgentEvent::Ping => wire::Event::Ping(wire::Ping {}),
            AgentEvent::Refused {
                message: text,
                retry,
            } => wire::Event::Refused(wire::Refused {
                message: message(text),
                retry,
            }),
        };
        Self { event: Some(event) }
    }
}

impl TryFrom<v1::AgentEvent> for AgentEvent {
    type Error = ConvertError;

    fn try_from(event: v1::AgentEvent) -> Result<Self, Self::Error> {
        match required(event.event)? {
            wire::Event::Registered(registered) => Ok(Self::Registered {
                agent_id: parse(&registered.agent_id)
                    .under("agent_id")
                    .under("registered")?,
                epoch: Epoch::new(registered.epoch),
            }),
            wire::Event::Launch(launch) => launch
                .try_into()
                .under("launch")
                .map(|launch| Self::Launch(Box::new(launch))),
            wire::Event::Kill(kill) => Ok(Self::Kill {
                task: read_task(kill.task).under("kill")?,
                reason: Reason::required(kill.reason)
                    .under("reason")
                    .under("kill")?,
                grace: kill.grace_ms.map(grace).transpose().under("kill")?,
            }),
            wire::Event::ShutdownFramework(shutdown) => Ok(Self::ShutdownFramework {
                framework_id: parse(&shutdown.framework_id)
                    .under("framework_id")
                    .under("shutdown_framework")?,
            }),
            wire::Event::Acknowledge(acknowledge) => Ok(Self::Acknowledge {
                task: read_task(acknowledge.task).under("acknowledge")?,
                number: acknowledge.number,
            }),
            wire::Event::ResendUpdates(resend) => Ok(Self::ResendUpdates {
                framework_id: parse(&resend.framework_id)
                    .under("framework_id")
                    .under("resend_updates")?,
            }),
            wire::Event::Transfer(request) => {
                request.try_into().under("transfer").map(Self::Transfer)
            }
            wire::Event::Ping(wire::Ping {}) => Ok(Self::Ping),
            wire::Event::Refused(refused) => Ok(Self::Refused {
                message: message(refused.message),
                retry: refused.retry,
            }),
        }
    }
}

fn read_task(task: Option<v1::TaskKey>) -> Result<TaskKey, ConvertError> {
    required(task).and_then(TryInto::try_into).under("task")
}

impl From<Launch> for v1::Launch {
    fn from(launch: Launch) -> Self {
        Self {
            framework_id: launch.framework_id.to_string(),
            role: launch.role.to_string(),
            task: Some(launch.task.into()),
            allocated: Some(launch.allocated.into()),
        }
    }
}

impl TryFrom<v1::Launch> for Launch {
    type Error = ConvertError;

    fn try_from(launch: v1::Launch) -> Result<Self, Self::Error> {
        let task: TaskInfo = required(launch.task)
            .and_then(TryInto::try_into)
            .under("task")?;
        check_sandbox_paths(&task).under("task")?;
        Ok(Self {
            framework_id: parse(&launch.framework_id).under("framework_id")?,
            role: parse(&launch.role).under("role")?,
            task,
            allocated: launch
                .allocated
                .unwrap_or_default()
                .try_into()
                .under("allocated")?,
        })
    }
}
