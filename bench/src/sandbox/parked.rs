//! What sleeping tasks take: 50,000 of them on one agent, over as many runners as that takes.

use std::{fs, time::Instant};

use anyhow::Context as _;
use stoker_sdk_scheduler::Task;

use super::{
    Laboratory,
    guests::{float, seconds},
    holder::Holder,
    report::Figure,
};
use crate::{
    cluster::{Cluster, Durability},
    figures::number,
};

const TASKS: usize = 50_000;
const KIB_PER_GIB: f64 = 1_048_576.0;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let (module, _) = laboratory.guest("sleep")?;
    let cluster = Cluster::start(
        (&laboratory.stoker, &laboratory.place),
        "cpus=100;mem=1TiB;disk=0;fuel=500000",
        Durability::Classes,
        &["--memory-profile", "small", "--tasks-per-runner", "8000"],
    )?;
    let daemon = cluster.daemon();
    let before = kib(daemon)?;
    let task = Task::new(format!("file:{}", module.display()).parse()?)
        .cpu_millis(1)
        .mem_mib(2)
        .args(["86400000"]);
    let start = Instant::now();
    let holder = Holder::start(cluster.master(), &task, TASKS)?;
    let took = start.elapsed();
    let runners = cluster.runners()?;
    let in_daemon = float(kib(daemon)?.saturating_sub(before));
    let in_runners: u64 = runners
        .iter()
        .map(|pid| kib(*pid))
        .sum::<anyhow::Result<u64>>()?;
    let in_runners = float(in_runners);
    holder.end()?;
    let gib = (in_daemon + in_runners) / KIB_PER_GIB;
    Ok(vec![
        Figure::of(
            "50,000 sleeping tasks: PSS, page tables, the daemon's growth",
            "GiB",
            [gib],
        )
        .at_most(2.0),
        Figure::of("  sleeping tasks in a GiB", "tasks", [number(TASKS) / gib]).at_least(25_000.0),
        Figure::of(
            "  of one, in its runner",
            "KiB",
            [in_runners / number(TASKS)],
        ),
        Figure::of(
            "  of one, in the daemon",
            "KiB",
            [in_daemon / number(TASKS)],
        ),
        Figure::of("  runners", "", [number(runners.len())]),
        Figure::of("  until all slept", "s", [seconds(took)]),
    ])
}

/// What a process takes, its page tables among it.
fn kib(pid: u32) -> anyhow::Result<u64> {
    let pss = value(&format!("/proc/{pid}/smaps_rollup"), "Pss:")?;
    let tables = value(&format!("/proc/{pid}/status"), "VmPTE:")?;
    Ok(pss + tables)
}

fn value(path: &str, key: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{path} has no {key}"))
}
