//! What `stoker run` has to tell at the end: the JSON document, the sentence, the exit code.
//!
//! Pure. The field names are a contract; programs read them.

use serde::Serialize;
use stoker_types::{Reason, StatusUpdate, TaskState, Usage};

use crate::exit;

/// The end of one task.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    task_id: Option<String>,
    #[serde(serialize_with = "name")]
    state: TaskState,
    #[serde(serialize_with = "optional_name")]
    reason: Option<Reason>,
    message: String,
    exit_code: Option<i32>,
    stdout: String,
    stderr: String,
    truncated: bool,
    fuel_used: u64,
    cpu_seconds: f64,
    mem_peak: u64,
    wall_seconds: f64,
    #[serde(skip)]
    exits_with: u8,
}

/// What a task printed, as far as it is kept.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// Standard output, up to 1 MiB.
    pub(super) stdout: Vec<u8>,
    /// Standard error, up to 1 MiB.
    pub(super) stderr: Vec<u8>,
    /// Whether either was longer.
    pub(super) truncated: bool,
}

/// How a task ended.
#[derive(Debug)]
pub(super) struct End {
    /// What its framework called it, if it ever was a task.
    pub(super) task_id: Option<String>,
    /// Its last state.
    pub(super) state: TaskState,
    /// Why.
    pub(super) reason: Option<Reason>,
    /// What its guest exited with.
    pub(super) exit_code: Option<i32>,
    /// For people.
    pub(super) message: String,
    /// What it used.
    pub(super) usage: Usage,
}

impl End {
    /// The end of something that has no id and used nothing (yet).
    pub(super) fn new(
        state: TaskState,
        reason: Option<Reason>,
        exit_code: Option<i32>,
        message: String,
    ) -> Self {
        Self {
            task_id: None,
            state,
            reason,
            exit_code,
            message,
            usage: Usage::default(),
        }
    }
}

impl From<StatusUpdate> for End {
    fn from(update: StatusUpdate) -> Self {
        Self {
            task_id: Some(update.task.task_id.to_string()),
            state: update.state,
            reason: update.reason,
            exit_code: update.exit_code,
            message: update.message,
            usage: update.usage,
        }
    }
}

impl Report {
    /// The report of a task that has come to an end.
    pub(super) fn new(end: End, printed: &Printed) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            exits_with: exit::of_task(end.state, end.reason, end.exit_code),
            task_id: end.task_id,
            state: end.state,
            reason: end.reason,
            message: end.message,
            exit_code: end.exit_code,
            stdout: text(&printed.stdout),
            stderr: text(&printed.stderr),
            truncated: printed.truncated,
            fuel_used: end.usage.fuel_used,
            cpu_seconds: end.usage.cpu_time.as_secs_f64(),
            mem_peak: end.usage.mem_peak,
            wall_seconds: end.usage.wall_time.as_secs_f64(),
        }
    }

    /// The report of a task that never was.
    pub(super) fn refused(reason: Option<Reason>, message: String) -> Self {
        Self::new(
            End::new(TaskState::Error, reason, None, message),
            &Printed::default(),
        )
    }

    /// The report of Stoker's own failure.
    pub(super) fn failed(error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        Self::new(
            End::new(TaskState::Dropped, None, None, message),
            &Printed::default(),
        )
    }

    /// What the process exits with.
    pub(super) const fn exit_code_of_run(&self) -> u8 {
        self.exits_with
    }

    /// What to say on stderr, unless all is well or the guest's own exit code says it.
    pub(super) fn complaint(&self) -> Option<String> {
        let is_own_code = self.reason == Some(Reason::ExitCode) && self.exits_with < exit::REFUSED;
        if self.state == TaskState::Finished || is_own_code {
            return None;
        }
        let reason = self
            .reason
            .map(|reason| format!(" {reason}"))
            .unwrap_or_default();
        let message = if self.message.is_empty() { "" } else { ": " };
        Some(format!("{}{reason}{message}{}", self.state, self.message))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn name<S: serde::Serializer>(state: &TaskState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

#[expect(clippy::ref_option, reason = "serde passes references")]
fn optional_name<S: serde::Serializer>(
    reason: &Option<Reason>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match reason {
        Some(reason) => serializer.serialize_str(reason.as_str()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_document_too() {
        let report = Report::refused(Some(Reason::ModuleInvalid), "no Wasm".to_owned());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["state"], "TASK_ERROR");
        assert_eq!(json["reason"], "MODULE_INVALID");
        assert_eq!(json["task_id"], serde_json::Value::Null);
        assert_eq!(report.exit_code_of_run(), 126);
        assert_eq!(
            report.complaint().unwrap(),
            "TASK_ERROR MODULE_INVALID: no Wasm"
        );
    }
}
