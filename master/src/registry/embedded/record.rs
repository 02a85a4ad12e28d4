//! The values of the registry: records of the core as versioned messages, and back.
//!
//! Owns nothing but the two directions. A message of another version is refused by its number.

use prost::Message;
use stoker_master_core::{AgentRecord, FrameworkRecord};
use stoker_proto::{
    convert::{ConvertError, STORAGE_VERSION, check_version},
    v1,
};
use stoker_types::{Epoch, Timestamp};

/// Why a value is no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// It is no message.
    #[error(transparent)]
    Decode(#[from] prost::DecodeError),
    /// It breaks a rule of its message.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
}

pub(super) fn encode_epoch(epoch: Epoch) -> Vec<u8> {
    v1::EpochRecord {
        version: STORAGE_VERSION,
        epoch: epoch.get(),
    }
    .encode_to_vec()
}

pub(super) fn decode_epoch(value: &[u8]) -> Result<Epoch, RecordError> {
    let record = v1::EpochRecord::decode(value)?;
    check_version(record.version)?;
    Ok(Epoch::new(record.epoch))
}

pub(super) fn encode_agent(record: &AgentRecord) -> Vec<u8> {
    v1::AgentRecord {
        version: STORAGE_VERSION,
        agent: Some(record.agent.clone().into()),
        unreachable_since_us: record.unreachable_since.map(Timestamp::as_micros),
    }
    .encode_to_vec()
}

pub(super) fn decode_agent(value: &[u8]) -> Result<AgentRecord, RecordError> {
    let record = v1::AgentRecord::decode(value)?;
    check_version(record.version)?;
    Ok(AgentRecord {
        agent: record
            .agent
            .ok_or(RecordError::Missing("agent"))?
            .try_into()?,
        unreachable_since: record.unreachable_since_us.map(Timestamp::from_micros),
    })
}

pub(super) fn encode_framework(record: &FrameworkRecord) -> Vec<u8> {
    v1::FrameworkRecord {
        version: STORAGE_VERSION,
        framework_id: record.id.to_string(),
        framework: Some(record.framework.clone().into()),
        failover_deadline_us: record.failover_deadline.map(Timestamp::as_micros),
    }
    .encode_to_vec()
}

pub(super) fn decode_framework(value: &[u8]) -> Result<FrameworkRecord, RecordError> {
    let record = v1::FrameworkRecord::decode(value)?;
    check_version(record.version)?;
    let id = record
        .framework_id
        .parse()
        .map_err(|error: stoker_types::IdParseError| ConvertError::new(error.to_string(), ""))?;
    Ok(FrameworkRecord {
        id,
        framework: record
            .framework
            .ok_or(RecordError::Missing("framework"))?
            .try_into()?,
        failover_deadline: record.failover_deadline_us.map(Timestamp::from_micros),
    })
}
