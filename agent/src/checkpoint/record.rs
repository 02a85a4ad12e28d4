//! The records of the checkpoint log as bytes: `stoker.v1.CheckpointRecord`.
//!
//! Owns the conversion between the core's records and their storage message, in both directions.

use std::time::Duration;

use prost::Message as _;
use stoker_agent_core::Record;
use stoker_proto::{
    convert::{self, ConvertError, STORAGE_VERSION, check_version},
    v1::{self, checkpoint_record as storage},
};
use stoker_types::{RunnerId, TaskKey, agent::DEFAULT_KILL_GRACE};

/// The bytes of a record.
pub(super) fn encode(record: Record) -> Vec<u8> {
    let record = match record {
        Record::Identity { agent_id, boot_id } => storage::Record::Identity(storage::Identity {
            agent_id: agent_id.to_string(),
            boot_id,
        }),
        Record::Launched(launch) => storage::Record::Launched((*launch).into()),
        Record::RunnerStarted {
            runner_id,
            nonce,
            tenant,
        } => storage::Record::RunnerStarted(storage::RunnerStarted {
            runner_id: runner_id.to_string(),
            nonce,
            tenant: Some(tenant.into()),
        }),
        Record::RunnerEnded { runner_id } => storage::Record::RunnerEnded(storage::RunnerEnded {
            runner_id: runner_id.to_string(),
        }),
        Record::HandedOver { task, runner_id } => {
            storage::Record::HandedOver(storage::HandedOver {
                task: Some(task.into()),
                runner_id: runner_id.to_string(),
            })
        }
        Record::KillRequested {
            task,
            reason,
            grace,
        } => storage::Record::KillRequested(storage::KillRequested {
            task: Some(task.into()),
            reason: v1::Reason::from(reason).into(),
            grace_ms: Some(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)),
        }),
        Record::Update {
            update,
            runner_event,
        } => storage::Record::Update(storage::Update {
            update: Some((*update).into()),
            runner_id: runner_event
                .map_or_else(String::new, |(runner_id, _)| runner_id.to_string()),
            runner_event: runner_event.map_or(0, |(_, event)| event),
        }),
        Record::OutputsPending {
            task,
            usage,
            runner_event,
        } => storage::Record::OutputsPending(storage::OutputsPending {
            task: Some(task.into()),
            usage: Some(usage.into()),
            runner_id: runner_event
                .map_or_else(String::new, |(runner_id, _)| runner_id.to_string()),
            runner_event: runner_event.map_or(0, |(_, event)| event),
        }),
        Record::Acknowledged { task, number } => {
            storage::Record::Acknowledged(storage::Acknowledged {
                task: Some(task.into()),
                number,
            })
        }
        Record::Forgotten { task } => storage::Record::Forgotten(storage::Forgotten {
            task: Some(task.into()),
        }),
    };
    v1::CheckpointRecord {
        version: STORAGE_VERSION,
        record: Some(record),
    }
    .encode_to_vec()
}

/// Reads a record.
///
/// # Errors
/// What in it this version does not know; it was written whole, so another version wrote it.
pub(super) fn decode(bytes: &[u8]) -> Result<Record, ConvertError> {
    let message = v1::CheckpointRecord::decode(bytes)
        .map_err(|error| ConvertError::new(error.to_string(), ""))?;
    check_version(message.version)?;
    Ok(match message.record.ok_or_else(|| missing("record"))? {
        storage::Record::Identity(identity) => Record::Identity {
            agent_id: id(&identity.agent_id, "agent_id")?,
            boot_id: identity.boot_id,
        },
        storage::Record::Launched(launch) => Record::Launched(Box::new(launch.try_into()?)),
        storage::Record::RunnerStarted(started) => Record::RunnerStarted {
            runner_id: id(&started.runner_id, "runner_id")?,
            nonce: started.nonce,
            tenant: started
                .tenant
                .ok_or_else(|| missing("tenant"))?
                .try_into()?,
        },
        storage::Record::RunnerEnded(ended) => Record::RunnerEnded {
            runner_id: id(&ended.runner_id, "runner_id")?,
        },
        storage::Record::HandedOver(handed_over) => Record::HandedOver {
            task: task(handed_over.task)?,
            runner_id: id(&handed_over.runner_id, "runner_id")?,
        },
        storage::Record::KillRequested(kill) => Record::KillRequested {
            task: task(kill.task)?,
            reason: convert::reason(kill.reason)?.ok_or_else(|| missing("reason"))?,
            // Absent in the logs of older daemons.
            grace: kill
                .grace_ms
                .map_or(DEFAULT_KILL_GRACE, Duration::from_millis),
        },
        storage::Record::Update(update) => Record::Update {
            runner_event: runner_event(&update.runner_id, update.runner_event)?,
            update: Box::new(update.update.ok_or_else(|| missing("update"))?.try_into()?),
        },
        storage::Record::OutputsPending(pending) => Record::OutputsPending {
            runner_event: runner_event(&pending.runner_id, pending.runner_event)?,
            task: task(pending.task)?,
            usage: pending.usage.unwrap_or_default().into(),
        },
        storage::Record::Acknowledged(acknowledged) => Record::Acknowledged {
            task: task(acknowledged.task)?,
            number: acknowledged.number,
        },
        storage::Record::Forgotten(forgotten) => Record::Forgotten {
            task: task(forgotten.task)?,
        },
    })
}

fn runner_event(runner_id: &str, event: u64) -> Result<Option<(RunnerId, u64)>, ConvertError> {
    if runner_id.is_empty() {
        return Ok(None);
    }
    Ok(Some((id(runner_id, "runner_id")?, event)))
}

fn task(task: Option<v1::TaskKey>) -> Result<TaskKey, ConvertError> {
    task.ok_or_else(|| missing("task"))?.try_into()
}

fn id<T>(text: &str, field: &'static str) -> Result<T, ConvertError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse()
        .map_err(|error: T::Err| ConvertError::new(error.to_string(), "").under(field))
}

fn missing(field: &'static str) -> ConvertError {
    ConvertError::new("is missing", "").under(field)
}
