//! `/bin/true`, started and waited for: as many at a time as there are cores.
//!
//! The standard library calls `posix_spawn` for a plain command like this.

use std::{
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use anyhow::{Context as _, bail};

use super::Measured;
use crate::cpu;

/// Starts `count` of them, with `threads` at a time.
pub(crate) fn run(count: usize, threads: usize) -> anyhow::Result<Measured> {
    let each = count.div_ceil(threads);
    let cpu_before = cpu::own() + cpu::of_ended_children()?;
    let start = Instant::now();
    let spawners: Vec<_> = (0..threads)
        .map(|_| thread::spawn(move || spawn_many(each)))
        .collect();
    for spawner in spawners {
        spawner
            .join()
            .unwrap_or_else(|_| bail!("a thread that starts programs panicked"))?;
    }
    let wall = start.elapsed();
    let cpu = cpu::own() + cpu::of_ended_children()? - cpu_before;
    Ok(Measured {
        count: each * threads,
        wall,
        cpu,
    })
}

fn spawn_many(count: usize) -> anyhow::Result<()> {
    for _ in 0..count {
        let status = Command::new("/bin/true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("cannot start /bin/true")?;
        if !status.success() {
            bail!("/bin/true ended with {status}");
        }
    }
    Ok(())
}
