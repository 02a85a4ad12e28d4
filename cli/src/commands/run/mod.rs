//! `stoker run`: one task to completion, through the cluster or on the spot.
//!
//! Owns the order: describe the task, run it, report. The cluster's side is a framework on the
//! SDK (`scheduler`), the local side is the runner's own code in this process.

mod cluster;
mod describe;
mod interrupt;
mod local;
mod progress;
mod relay;
mod report;
mod scheduler;

use std::process::ExitCode;

use crate::{
    args::{OutputFormat, run::Run},
    output,
};
use report::Report;

/// How `stoker run` can fail to have a task's end to tell.
#[derive(Debug, thiserror::Error)]
enum RunError {
    /// The task was refused, or did not start in time: exit code 126.
    #[error("{message}")]
    Refused {
        /// A bare word, where there is one.
        reason: Option<stoker_types::Reason>,
        /// What exactly, and what to do.
        message: String,
    },
    /// Stoker itself failed: exit code 1.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl RunError {
    fn refused(
        reason: impl Into<Option<stoker_types::Reason>>,
        message: impl Into<String>,
    ) -> Self {
        Self::Refused {
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// Runs a task and exits as it did.
pub(super) fn run(arguments: &Run, format: OutputFormat) -> anyhow::Result<ExitCode> {
    super::logging::for_people();
    let captures = format != OutputFormat::Table;
    let result = if arguments.local {
        local::run(arguments, captures)
    } else {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(cluster::run(arguments, captures))
    };
    let report = match result {
        Ok(report) => report,
        Err(RunError::Refused { reason, message }) => Report::refused(reason, message),
        Err(RunError::Failed(error)) => Report::failed(&error),
    };
    if captures {
        match format {
            OutputFormat::Jsonl => output::document(&report)?,
            OutputFormat::Json | OutputFormat::Table => {
                output::one(format, &report, |_| output::Table::of_fields())?;
            }
        }
    }
    if let (false, Some(sentence)) = (captures, report.complaint()) {
        output::complain(&anyhow::anyhow!(sentence));
    }
    Ok(ExitCode::from(report.exit_code_of_run()))
}
