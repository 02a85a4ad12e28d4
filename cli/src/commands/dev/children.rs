//! The child processes of `dev`: start, first line, end. Linux only.
//!
//! Owns all reaping: `dev` is a child subreaper, so runners that outlive their agent end up here
//! too. Never decides when to start or to end what.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// How long a daemon may take from its start to its first line.
const FIRST_LINE_WITHIN: Duration = Duration::from_secs(30);

/// The program that this process runs, also after the file was replaced.
pub(super) fn own_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

/// Starts `stoker ARGUMENTS` and gives its id and its output.
///
/// Called on the main thread only: what the child does when its parent dies hangs on the thread
/// that started it.
pub(super) fn start(arguments: &[OsString]) -> anyhow::Result<(Pid, ChildStdout)> {
    let mut command = Command::new(own_program());
    command
        .arg0("stoker")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // A group of its own: a Ctrl-C in the terminal is for `dev`, which ends its children in order.
    command.process_group(0);
    let mut child = command.spawn().context("cannot start a child process")?;
    let stdout = child.stdout.take().context("a child has no output")?;
    Ok((Pid::from_child(&child), stdout))
}

/// Reads the first line of a daemon's output, which says where it listens.
pub(super) async fn first_line<T: DeserializeOwned>(stdout: ChildStdout) -> anyhow::Result<T> {
    let pipe = tokio::net::unix::pipe::Receiver::from_owned_fd(stdout.into())
        .context("cannot read a child's output")?;
    let mut lines = BufReader::new(pipe).lines();
    let line = tokio::time::timeout(FIRST_LINE_WITHIN, lines.next_line())
        .await
        .context("it said nothing for 30 seconds")?
        .context("cannot read a child's output")?
        .context("it ended at once; its own words are above")?;
    serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))
}

/// A process that is over, and how.
pub(super) struct Ended {
    /// Which.
    pub(super) pid: Pid,
    /// For people: `exit code 1`, `signal 9`.
    pub(super) how: String,
}

/// What is left to reap.
pub(super) enum Reaped {
    /// This one was over.
    One(Ended),
    /// Processes are left, none of them over.
    NoneYet,
    /// No process is left.
    NoneLeft,
}

/// Takes the next process that is over, a child's orphan included.
pub(super) fn reap() -> Reaped {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => Reaped::One(Ended {
            pid,
            how: describe(status),
        }),
        Ok(None) => Reaped::NoneYet,
        Err(rustix::io::Errno::CHILD) => Reaped::NoneLeft,
        Err(_) => Reaped::NoneYet,
    }
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

/// Sends `signal` to a child. One that is over already needs none.
pub(super) fn signal(pid: Pid, signal: Signal) {
    let _is_over: rustix::io::Result<()> = rustix::process::kill_process(pid, signal);
}

/// Kills every descendant of this process.
pub(super) fn kill_descendants() {
    for pid in descendants(rustix::process::getpid().as_raw_nonzero().get()) {
        if let Some(pid) = Pid::from_raw(pid) {
            signal(pid, Signal::KILL);
        }
    }
}

/// All processes below `root`, from one look at `/proc`.
fn descendants(root: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.split_off(1)
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; state and parent follow its last one.
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}
