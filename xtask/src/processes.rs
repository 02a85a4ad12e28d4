//! Other programs: running them to their end, with a deadline where one is due, and what they printed.
//! None of them gets a terminal or our standard input.

use crate::failure::{Failure, Result, While};
use std::env;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a program with a deadline is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ended {
    /// The last line on standard error that says something: mostly the error itself.
    pub(crate) fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let last = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        last.map_or_else(|| self.status.to_string(), str::to_owned)
    }
}

/// Runs a program and shows what it prints as it comes. Anything but exit code 0 is a failure.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .while_doing(|| format!("start {}", program(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`{}` ended with {status}",
        describe(command)
    )))
}

/// Runs a program and keeps what it prints, whatever its exit code is.
pub(crate) fn capture(command: &mut Command) -> Result<Ended> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .while_doing(|| format!("start {}", program(command)))?;
    Ok(Ended {
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

/// What a program prints on standard output; its failure is told with its last words.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let ended = capture(command)?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    Err(Failure::new(format!(
        "`{}` failed: {}",
        describe(command),
        ended.last_words()
    )))
}

/// Like [`capture`], but a program that is still running after `limit` is killed and is a failure.
pub(crate) fn capture_within(command: &mut Command, limit: Duration) -> Result<Ended> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .while_doing(|| format!("start {}", program(command)))?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let Some(status) = wait_within(&mut child, limit)? else {
        kill_and_reap(&mut child)?;
        let limit = limit.as_secs();
        return Err(Failure::new(format!(
            "`{}` did not end in {limit} s",
            describe(command)
        )));
    };
    Ok(Ended {
        status,
        stdout: collected(stdout)?,
        stderr: collected(stderr)?,
    })
}

/// The exit status of a child, or nothing when it is still running after `limit`.
pub(crate) fn wait_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child
            .try_wait()
            .while_doing(|| "wait for a program".to_owned())?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

pub(crate) fn kill_and_reap(child: &mut Child) -> Result<()> {
    child.kill().while_doing(|| "kill a program".to_owned())?;
    child
        .wait()
        .while_doing(|| "wait for a program".to_owned())?;
    Ok(())
}

/// Sends a signal to processes that we started, or that those started, by the shell's own `kill`: the
/// program of that name is not on every machine.
pub(crate) fn signal(name: &str, ids: &[u32]) -> Result<()> {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    let command = format!("kill -{name} {}", ids.join(" "));
    text(Command::new("sh").args(["-c", &command])).map(drop)
}

/// Reads a pipe to its end beside us, so that the program never waits for us.
fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<std::io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn collected(reader: JoinHandle<std::io::Result<Vec<u8>>>) -> Result<Vec<u8>> {
    let outcome = reader
        .join()
        .map_err(|_| Failure::new("the reader of a pipe panicked"))?;
    outcome.while_doing(|| "read what a program printed".to_owned())
}

/// The path of a program that a shell would start, if there is one.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let mut words = vec![program(command)];
    words.extend(
        command
            .get_args()
            .map(|word| quoted(&word.to_string_lossy())),
    );
    words.join(" ")
}

/// A word as a shell needs it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The program's name without its folder.
fn program(command: &Command) -> String {
    crate::files::name(command.get_program().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_over_its_time_is_killed() {
        let outcome = capture_within(Command::new("sleep").arg("60"), Duration::from_millis(50));
        let failure = outcome.expect_err("was not let run");
        assert_eq!(failure.to_string(), "`sleep 60` did not end in 0 s");
    }

    #[test]
    fn what_a_program_prints_is_kept_with_its_exit_code() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo first >&2; echo last >&2; exit 3"]);
        let ended = capture_within(&mut command, Duration::from_secs(20)).expect("ends");
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.stdout, b"out\n");
        assert_eq!(ended.last_words(), "last");
    }

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(
            describe(Command::new("/bin/echo").args(["a-b", "c d", ""])),
            "echo a-b 'c d' ''"
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
