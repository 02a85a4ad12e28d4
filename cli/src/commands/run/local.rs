//! `stoker run --local`: the same engine and limits as in a runner, in this process.
//!
//! Owns the translation to and from the runner crate's words, and Ctrl-C.

use std::path::PathBuf;

use stoker_agent_runner::{
    engine::MemoryProfile,
    local::{self, Killer, LocalTask, OutputMode, Phase},
};
use stoker_types::{ModuleReference, Reason, TaskId, TaskState, runner::Outcome};

use super::{
    RunError, describe,
    interrupt::Interrupts,
    progress::Progress,
    report::{End, Printed, Report},
};
use crate::args::run::Run;

/// What is kept of each stream for the report.
const KEPT_BYTES: usize = 1 << 20;

/// Runs the task that the arguments describe, to its end.
pub(super) fn run(arguments: &Run, captures: bool) -> Result<Report, RunError> {
    describe::readable_file(&arguments.module, "the module")?;
    if let Some(input) = &arguments.input {
        describe::readable_file(input, "the input")?;
    }
    let id: TaskId = "local"
        .parse()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let task = local_task(arguments, id.clone(), captures)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::new)?;
    let report = runtime.block_on(to_its_end(task))?;
    let printed = Printed {
        truncated: report.stdout.truncated || report.stderr.truncated,
        stdout: report.stdout.bytes,
        stderr: report.stderr.bytes,
    };
    let end = End {
        task_id: Some(id.to_string()),
        usage: report.usage,
        ..end(report.outcome)
    };
    Ok(Report::new(end, &printed))
}

fn local_task(arguments: &Run, id: TaskId, captures: bool) -> anyhow::Result<LocalTask> {
    let wasm = std::path::absolute(&arguments.module)?;
    let mounts = arguments.mount.iter().map(|mount| local::Mount {
        host: mount.source.clone(),
        guest: mount.guest.clone(),
        read_only: mount.read_only,
    });
    Ok(LocalTask {
        stoker: PathBuf::from("/proc/self/exe"),
        task: describe::task(arguments, ModuleReference::File(wasm.clone()), id),
        wasm,
        environment: Vec::new(),
        mounts: mounts.collect(),
        stdin: arguments.input.clone(),
        output: if captures {
            OutputMode::Capture { bytes: KEPT_BYTES }
        } else {
            OutputMode::Inherit
        },
        memory_profile: MemoryProfile::detect(),
    })
}

/// Runs on a thread of its own, so that Ctrl-C is heard meanwhile.
async fn to_its_end(task: LocalTask) -> Result<local::Report, RunError> {
    let mut interrupts = Interrupts::new()?;
    let killer = Killer::default();
    let its_killer = killer.clone();
    let mut running = tokio::task::spawn_blocking(move || {
        let progress = std::sync::Mutex::new(Progress::new());
        local::run(task, &its_killer, &|phase| {
            let mut progress = progress
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            match phase {
                Phase::Compiling => progress.phase("compiling the module"),
                Phase::Running => progress.clear(),
            }
        })
    });
    loop {
        tokio::select! {
            report = &mut running => return Ok(report.map_err(anyhow::Error::new)?),
            count = interrupts.next() => {
                match count {
                    1 => killer.ask(),
                    2 => killer.kill(),
                    _ => return Err(anyhow::anyhow!("left while the task was being killed").into()),
                }
            }
        }
    }
}

/// The end of a task, in the words that a cluster would use.
fn end(outcome: Outcome) -> End {
    match outcome {
        Outcome::Exited { code: 0 } => End::new(TaskState::Finished, None, Some(0), String::new()),
        Outcome::Exited { code } => End::new(
            TaskState::Failed,
            Some(Reason::ExitCode),
            Some(code),
            format!("exited with code {code}"),
        ),
        Outcome::Failed { reason, message } => {
            End::new(reason.failure_state(), Some(reason), None, message)
        }
        Outcome::Killed => End::new(
            TaskState::Killed,
            Some(Reason::KillRequested),
            None,
            String::new(),
        ),
    }
}
