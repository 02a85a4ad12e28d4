//! Starting a runner's process, finding one of an earlier daemon, and its last words.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::{fd::OwnedFd, unix::fs::DirBuilderExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use stoker_types::{RunnerId, duration, runner::Tenant};

use super::{Context, spares};
use crate::{children::Process, data_directory::tenant_folder};

/// What is read of the end of a runner's log for its last words.
const LAST_WORDS_BYTES: u64 = 4096;
/// The logs of runners that ended badly which are kept.
const KEPT_LOGS: usize = 200;
/// What is shown of them.
const LAST_WORDS_CHARACTERS: usize = 300;

/// Starts the process, listening on its fd 0, and notes which it is.
pub(super) async fn start(
    context: &Context,
    runner_id: RunnerId,
    nonce: u64,
    tenant: &Tenant,
) -> io::Result<Process> {
    let settings = &context.settings;
    let folder = tenant_folder(&settings.sandboxes, tenant.framework_id);
    // Made before the runner, which reaches nothing but what is there and below.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let own = own_flags(runner_id, nonce, &folder);
    if let Some(process) = spares::assign(context, runner_id, &own).await {
        return Ok(process);
    }
    let listener = context.sockets.listen(runner_id)?;
    let stderr = if settings.inherit_stderr {
        Stdio::inherit()
    } else {
        Stdio::from(log_file(context, runner_id)?)
    };
    let mut command = command(context, &own);
    command
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stderr(stderr);
    let process = settings.spawner.spawn(command).await?;
    let noted = process
        .identity()
        .ok_or_else(|| io::Error::other("it ended at once"))
        .and_then(|identity| context.sockets.note_process(runner_id, &identity));
    // Without the note a later daemon could not tell it from another process.
    if let Err(error) = noted {
        process.kill();
        return Err(error);
    }
    Ok(process)
}

/// What only one runner is told: who it is, and what it reaches.
fn own_flags(runner_id: RunnerId, nonce: u64, folder: &Path) -> Vec<String> {
    // A data directory is named in UTF-8, as its configuration is.
    let folder = folder.to_string_lossy().into_owned();
    let pairs = [
        ("--runner-id", runner_id.to_string()),
        ("--nonce", nonce.to_string()),
        ("--class", "closed".to_owned()),
        ("--folder", folder),
    ];
    let flags = pairs
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    flags.collect()
}

/// The command of a runner with flags of its own, and those that all have.
pub(super) fn command(context: &Context, own: &[String]) -> Command {
    let settings = &context.settings;
    let mut command = settings.program.command();
    command
        .arg("runner")
        .args(own)
        .args(["--memory-profile", settings.memory_profile])
        .args(["--slots", &settings.slots.to_string()])
        .args(settings.limits.flags())
        .args([
            "--orphan-timeout",
            &duration::display(settings.orphan_timeout),
        ])
        .stdout(Stdio::null());
    if settings.require_hardening {
        command.arg("--require-hardening");
    }
    if settings.memory_profile == "small" {
        command.env("MALLOC_ARENA_MAX", "2");
    }
    command
}

/// The process that an earlier daemon started, if it still lives.
pub(super) fn find(context: &Context, runner_id: RunnerId) -> Option<Process> {
    Process::find(&context.sockets.noted_process(runner_id)?)
}

pub(super) fn log_path(context: &Context, name: &str) -> PathBuf {
    context.settings.logs.join(format!("{name}.log"))
}

fn log_file(context: &Context, runner_id: RunnerId) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(log_path(context, &runner_id.to_string()))
}

/// The last line that a runner wrote to its stderr, unless it ended as it should. A log that
/// nobody will want is removed, and so are old ones where there are many.
pub(super) fn last_words(context: &Context, runner_id: RunnerId, is_clean: bool) -> Option<String> {
    let path = log_path(context, &runner_id.to_string());
    let text = read_end(&path).unwrap_or_default();
    if is_clean || text.is_empty() {
        // Best effort, and there need not be one.
        drop(fs::remove_file(&path));
        return None;
    }
    remove_old_logs(&context.settings.logs);
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())?;
    let printable = line.chars().filter(|character| !character.is_control());
    Some(printable.take(LAST_WORDS_CHARACTERS).collect())
}

fn read_end(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn remove_old_logs(folder: &Path) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut logs: Vec<(SystemTime, PathBuf)> = files
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
        .collect();
    logs.sort_unstable();
    let surplus = logs.len().saturating_sub(KEPT_LOGS);
    for (_, path) in logs.into_iter().take(surplus) {
        // Best effort, as above.
        drop(fs::remove_file(path));
    }
}
