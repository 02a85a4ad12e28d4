//! Why a module was not compiled: one line of JSON between the child and its parent.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use stoker_types::Reason;

/// The reason and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `MODULE_INVALID`, `MODULE_TOO_LARGE`, `IMPORT_UNKNOWN`, `COMPILE_LIMIT`, or
    /// `LAUNCH_FAILED` for anything of ours.
    pub reason: Reason,
    /// What exactly, and what to do.
    pub message: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    reason: String,
    message: String,
}

impl Refusal {
    pub(crate) const fn new(reason: Reason, message: String) -> Self {
        Self { reason, message }
    }

    /// Something failed that is not the module's fault.
    pub(crate) fn ours(operation: &str, error: &dyn Display) -> Self {
        Self::new(
            Reason::LaunchFailed,
            format!("failed to {operation}: {error:#}"),
        )
    }

    /// The line: `{"reason":"IMPORT_UNKNOWN","message":"…"}`.
    pub(crate) fn to_line(&self) -> String {
        let line = Line {
            reason: self.reason.to_string(),
            message: self.message.clone(),
        };
        // Two strings are always JSON.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads the last line of a child's stderr.
    pub(crate) fn from_stderr(stderr: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(stderr.trim_end().lines().last()?).ok()?;
        Some(Self::new(line.reason.parse().ok()?, line.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_back_from_the_last_line() {
        let refusal = Refusal::new(
            Reason::ImportUnknown,
            "\"env\" \"f\"\nis unknown".to_owned(),
        );
        let line = refusal.to_line();
        assert!(
            line.starts_with(r#"{"reason":"IMPORT_UNKNOWN","message":""#),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
        assert_eq!(
            Refusal::from_stderr(&format!("noise\n{line}\n")),
            Some(refusal)
        );
        assert_eq!(
            Refusal::from_stderr("memory allocation of 9 bytes failed"),
            None
        );
    }
}
