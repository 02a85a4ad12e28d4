//! Finds out how well this machine's kernel confines runners and compilers: a compiler confines
//! itself and says what holds.
//!
//! Owns the question and what becomes of the answer at the agent's start.

use std::{
    io::{self, Read as _, Seek as _},
    process::Stdio,
    time::Duration,
};

use serde::Deserialize;
use stoker_types::Hardening;
use tokio::time::timeout;

use crate::{
    AgentError,
    children::{Program, Spawner},
};

/// Far longer than a process takes to start.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// What is read of the answer.
const ANSWER_BYTES: u64 = 1024;

/// What a compiler prints.
#[derive(Deserialize)]
struct Answer {
    landlock: u32,
    seccomp: bool,
}

/// Finds out, and says so once in the log.
///
/// # Errors
/// If something is missing and `is_required`.
pub(crate) async fn check(
    program: &Program,
    spawner: &Spawner,
    is_required: bool,
) -> Result<Hardening, AgentError> {
    let (hardening, missing) = match ask(program, spawner).await {
        Ok(hardening) => (hardening, hardening.missing()),
        Err(error) => {
            let missing = format!("an answer of the compiler that was asked ({error})");
            (Hardening::default(), Some(missing))
        }
    };
    match missing {
        None => tracing::info!(%hardening, "this kernel confines runners and compilers"),
        Some(missing) if is_required => return Err(AgentError::NotHardened { missing }),
        Some(missing) => tracing::warn!(
            %hardening,
            missing,
            "this kernel confines runners and compilers in part only"
        ),
    }
    Ok(hardening)
}

async fn ask(program: &Program, spawner: &Spawner) -> io::Result<Hardening> {
    let mut output = tempfile::tempfile()?;
    let mut command = program.command();
    command
        .args(["compile", "--print-hardening", "--die-with-parent"])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(Stdio::null());
    let mut process = spawner.spawn(command).await?;
    let Ok(ended) = timeout(ANSWER_WITHIN, process.ended()).await else {
        process.kill();
        process.ended().await;
        return Err(io::ErrorKind::TimedOut.into());
    };
    if !ended.is_success() {
        return Err(io::Error::other(format!("it {}", ended.describe())));
    }
    output.rewind()?;
    let mut said = String::new();
    output.take(ANSWER_BYTES).read_to_string(&mut said)?;
    let answer: Answer = serde_json::from_str(&said)?;
    Ok(Hardening {
        landlock: answer.landlock,
        seccomp: answer.seccomp,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::*;

    /// A program that answers whatever it is asked with the output of a shell's command.
    fn program(folder: &Path, command: &str) -> Program {
        let path = folder.join("program");
        fs::write(&path, format!("#!/bin/sh\n{command}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Program::new(Some(path))
    }

    #[tokio::test]
    async fn what_is_missing_is_told_and_refused_only_where_it_is_required() {
        let folder = tempfile::tempdir().unwrap();
        let spawner = Spawner::new();
        let cases = [
            (r#"echo '{"landlock":6,"seccomp":true}'"#, None),
            (r#"echo '{"landlock":0,"seccomp":true}'"#, Some("Landlock")),
            (r#"echo '{"landlock":6,"seccomp":false}'"#, Some("seccomp")),
            ("exit 3", Some("exit code 3")),
            ("echo yes", Some("expected")),
        ];
        for (command, missing) in cases {
            let program = program(folder.path(), command);
            check(&program, &spawner, false).await.unwrap();
            let required = check(&program, &spawner, true).await;
            let Some(missing) = missing else {
                let all = Hardening {
                    landlock: 6,
                    seccomp: true,
                };
                assert_eq!(required.unwrap(), all);
                continue;
            };
            let message = required.unwrap_err().to_string();
            assert!(
                message.contains(missing) && message.contains("--require-hardening"),
                "{message}"
            );
        }
    }
}
