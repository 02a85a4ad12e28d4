//! Bare wasmtime, in a process of its own: `stoker-bench-wasmtime`, which lies beside this program.

use std::{env, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::Measured;

/// The program.
const PROGRAM: &str = "stoker-bench-wasmtime";

/// What it prints.
#[derive(Debug, Deserialize)]
struct Answer {
    count: usize,
    wall_seconds: f64,
    cpu_seconds: f64,
}

/// Runs `module` about `count` times, with `threads` at a time.
pub(crate) fn run(module: &Path, count: usize, threads: usize) -> anyhow::Result<Measured> {
    let own = env::current_exe().context("cannot tell where this program is")?;
    let output = Command::new(own.with_file_name(PROGRAM))
        .arg(module)
        .args([count.to_string(), threads.to_string()])
        .output()
        .with_context(|| format!("cannot start {PROGRAM}, which is to lie beside this program"))?;
    if !output.status.success() {
        bail!("{PROGRAM}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).with_context(|| format!("{PROGRAM} answered"))?;
    Ok(Measured {
        count: answer.count,
        wall: Duration::from_secs_f64(answer.wall_seconds),
        cpu: Duration::from_secs_f64(answer.cpu_seconds),
    })
}
