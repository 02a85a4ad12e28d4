//! Shares of three tenants, each with a runner of its own, on one agent.

use std::{thread, time::Duration};

use stoker_sdk_scheduler::Task;

use super::{Laboratory, guests::seconds, holder::Holder, report::Figure, shares::errors};
use crate::{
    cluster::{Cluster, Durability},
    cpu,
};

/// In thousandths of a core. Together they are less than the machine has: all of it is lent.
const WEIGHTS: [u64; 3] = [250, 500, 1000];
const CORES: usize = 2;
const WINDOW: Duration = Duration::from_secs(10);
const WINDOWS: usize = 3;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let (module, _) = laboratory.guest("spin")?;
    let cluster = Cluster::start(
        (&laboratory.stoker, &laboratory.place),
        "cpus=2;mem=1GiB;disk=0;fuel=10000",
        Durability::Classes,
        &[],
    )?;
    let mut holders = Vec::new();
    let mut runners = Vec::new();
    for weight in WEIGHTS {
        let task = Task::new(format!("file:{}", module.display()).parse()?)
            .cpu_millis(weight)
            .mem_mib(16);
        holders.push(Holder::start(cluster.master(), &task, 1)?);
        let new = cluster.runners()?.into_iter();
        let new: Vec<u32> = new.filter(|pid| !runners.contains(pid)).collect();
        runners.extend(new);
    }
    anyhow::ensure!(
        runners.len() == WEIGHTS.len(),
        "not one runner a tenant: {runners:?}"
    );
    thread::sleep(Duration::from_secs(1));
    let mut worst = Vec::new();
    for _ in 0..WINDOWS {
        let before = times(&runners)?;
        thread::sleep(WINDOW);
        let after = times(&runners)?;
        let used: Vec<f64> = after
            .iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect();
        worst.push(
            errors(&used, &WEIGHTS, CORES)
                .into_iter()
                .fold(0.0, f64::max),
        );
    }
    for holder in holders {
        holder.end()?;
    }
    Ok(vec![
        Figure::of(
            "three runners of three tenants, 1:2:4: worst error over 10 s",
            "%",
            worst,
        )
        .at_most(3.0),
    ])
}

/// The CPU time of each process, in seconds.
fn times(pids: &[u32]) -> anyhow::Result<Vec<f64>> {
    pids.iter()
        .map(|pid| Ok(seconds(cpu::of_process(*pid)?)))
        .collect()
}
