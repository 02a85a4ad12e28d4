//! Runs `stoker compile` as a child, the way a daemon does.

use std::{
    fs::{self, File},
    io,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use stoker_types::{Reason, size};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
    time::timeout,
};

use crate::compile::{Refusal, Settings};

/// What is read of a child's stderr.
const STDERR_BYTES: u64 = 64 << 10;
/// How many times its CPU time a child may take, for a machine that has other work too.
const WALL_TIME_FACTOR: u64 = 8;

/// Compiles the module in the file `wasm` with the program `stoker`. The artifact is a file
/// without a name.
///
/// # Errors
/// Why the module was refused, or what of ours failed (`LAUNCH_FAILED`).
pub async fn compile_in_child(
    stoker: &Path,
    wasm: &Path,
    settings: &Settings,
) -> Result<File, Refusal> {
    let module = open_module(wasm, settings)?;
    let artifact = tempfile::tempfile()
        .map_err(|error| Refusal::ours("make a file for the compiled module", &error))?;
    let stdout = artifact
        .try_clone()
        .map_err(|error| Refusal::ours("share the file for the compiled module", &error))?;
    let child = Command::new(stoker)
        .args(settings.to_arguments())
        .env_clear()
        .stdin(module)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Refusal::ours("start stoker compile", &error))?;
    let limit = settings
        .cpu_seconds
        .map(|seconds| Duration::from_secs(seconds.saturating_mul(WALL_TIME_FACTOR)));
    let ended = match limit {
        Some(limit) => timeout(limit, end_of(child))
            .await
            .map_err(|_| over_limit(settings))?,
        None => end_of(child).await,
    };
    let (status, stderr) =
        ended.map_err(|error| Refusal::ours("wait for stoker compile", &error))?;
    if status.success() {
        return Ok(artifact);
    }
    Err(why(status, &stderr, settings))
}

fn open_module(wasm: &Path, settings: &Settings) -> Result<File, Refusal> {
    let shown = wasm.display();
    let not_found = |error: io::Error| {
        Refusal::new(
            Reason::ModuleNotFound,
            format!("the module {shown} cannot be read: {error}"),
        )
    };
    let metadata = fs::metadata(wasm).map_err(not_found)?;
    if metadata.is_dir() {
        return Err(not_found(io::ErrorKind::IsADirectory.into()));
    }
    if metadata.len() > settings.module_bytes {
        let (bytes, most) = (
            size::display(metadata.len()),
            size::display(settings.module_bytes),
        );
        let message = format!("the module {shown} has {bytes}; the most is {most}");
        return Err(Refusal::new(Reason::ModuleTooLarge, message));
    }
    File::open(wasm).map_err(not_found)
}

/// Waits for a child, reading what it says. It is killed if this is not waited for to the end.
async fn end_of(mut child: Child) -> io::Result<(ExitStatus, String)> {
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(STDERR_BYTES).read_to_end(&mut said).await?;
    }
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

fn why(status: ExitStatus, stderr: &str, settings: &Settings) -> Refusal {
    if status.signal().is_some() {
        return over_limit(settings);
    }
    Refusal::from_stderr(stderr).unwrap_or_else(|| {
        let said = stderr.trim();
        Refusal::ours(
            "compile the module",
            &format!("stoker compile ended with {status}: {said}"),
        )
    })
}

/// The kernel ended the child, or it took too long.
fn over_limit(settings: &Settings) -> Refusal {
    let seconds = settings
        .cpu_seconds
        .map(|seconds| format!("{seconds} CPU seconds"));
    let memory = settings.address_space_bytes.map(size::display);
    let limits: Vec<String> = seconds.into_iter().chain(memory).collect();
    Refusal::new(
        Reason::CompileLimit,
        format!(
            "compiling the module takes more than it may: {}",
            limits.join(", ")
        ),
    )
}
