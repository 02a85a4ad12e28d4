//! Status updates and what they carry.

use std::time::Duration;

use stoker_types::{
    BlobForm, OutputFile, Reason, StatusUpdate, TaskState, TaskUsage, Timestamp, Usage, limit,
};

use super::{
    enums::{WireEnum as _, reason_number},
    error::{ConvertError, Under as _},
    read::{
        check_length, list, message, nanos, parse, parse_optional, required, sandbox_path,
        write_optional,
    },
};
use crate::v1;

/// The contents of outputs that one update carries itself, in bytes. What is past it is left to
/// the blob store, so that an update always fits into a batch.
pub const INLINE_OUTPUTS_BYTES: usize = 64 * 1024;

impl From<Usage> for v1::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            fuel_used: usage.fuel_used,
            cpu_time_ns: nanos(usage.cpu_time),
            mem_peak_bytes: usage.mem_peak,
            wall_time_ns: nanos(usage.wall_time),
            host_time_ns: nanos(usage.host_time),
            compile_time_ns: nanos(usage.compile_time),
            mem_bytes: usage.mem,
            bytes_written: usage.bytes_written,
            bytes_out: usage.bytes_out,
        }
    }
}

impl From<v1::Usage> for Usage {
    fn from(usage: v1::Usage) -> Self {
        Self {
            fuel_used: usage.fuel_used,
            cpu_time: Duration::from_nanos(usage.cpu_time_ns),
            host_time: Duration::from_nanos(usage.host_time_ns),
            compile_time: Duration::from_nanos(usage.compile_time_ns),
            mem: usage.mem_bytes,
            mem_peak: usage.mem_peak_bytes,
            bytes_written: usage.bytes_written,
            bytes_out: usage.bytes_out,
            wall_time: Duration::from_nanos(usage.wall_time_ns),
        }
    }
}

impl From<TaskUsage> for v1::TaskUsage {
    fn from(told: TaskUsage) -> Self {
        Self {
            task: Some(told.task.into()),
            usage: Some(told.usage.into()),
        }
    }
}

impl TryFrom<v1::TaskUsage> for TaskUsage {
    type Error = ConvertError;

    fn try_from(told: v1::TaskUsage) -> Result<Self, Self::Error> {
        Ok(Self {
            task: required(told.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            usage: told.usage.unwrap_or_default().into(),
        })
    }
}

impl From<StatusUpdate> for v1::StatusUpdate {
    fn from(update: StatusUpdate) -> Self {
        Self {
            task: Some(update.task.into()),
            agent_id: write_optional(update.agent_id),
            number: update.number,
            state: v1::TaskState::from(update.state).into(),
            reason: reason_number(update.reason),
            message: message(update.message),
            exit_code: update.exit_code,
            usage: Some(update.usage.into()),
            outputs: write_outputs(update.outputs),
            at_us: update.at.as_micros(),
        }
    }
}

/// Outputs with as much inline content as an update may carry.
fn write_outputs(outputs: Vec<OutputFile>) -> Vec<v1::OutputFile> {
    let mut room = INLINE_OUTPUTS_BYTES;
    outputs
        .into_iter()
        .map(|mut output| {
            let rest = output
                .content
                .as_ref()
                .map(|content| room.checked_sub(content.len()));
            match rest {
                None => {}
                Some(Some(rest)) => room = rest,
                Some(None) => output.content = None,
            }
            v1::OutputFile {
                path: output.path,
                digest: output.digest.to_string(),
                size: output.size,
                content: output.content,
                form: v1::BlobForm::from(output.form).into(),
            }
        })
        .collect()
}

impl TryFrom<v1::StatusUpdate> for StatusUpdate {
    type Error = ConvertError;

    fn try_from(update: v1::StatusUpdate) -> Result<Self, Self::Error> {
        Ok(Self {
            task: required(update.task)
                .and_then(TryInto::try_into)
                .under("task")?,
            agent_id: parse_optional(&update.agent_id).under("agent_id")?,
            number: update.number,
            state: TaskState::required(update.state).under("state")?,
            reason: Reason::from_wire(update.reason).under("reason")?,
            message: message(update.message),
            exit_code: update.exit_code,
            usage: update.usage.unwrap_or_default().into(),
            outputs: list(
                update.outputs,
                "outputs",
                limit::INPUTS_PER_TASK,
                read_output,
            )?,
            at: Timestamp::from_micros(update.at_us),
        })
    }
}

fn read_output(output: v1::OutputFile) -> Result<OutputFile, ConvertError> {
    if let Some(content) = &output.content {
        check_length(content.len(), limit::INLINE_OUTPUT_BYTES).under("content")?;
    }
    Ok(OutputFile {
        path: sandbox_path(output.path).under("path")?,
        form: BlobForm::from_wire(output.form)
            .under("form")?
            .unwrap_or_default(),
        digest: parse(&output.digest).under("digest")?,
        size: output.size,
        content: output.content,
    })
}
