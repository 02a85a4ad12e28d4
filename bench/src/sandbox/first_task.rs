//! How long the first task of a tenant takes from its accept to RUNNING: its runner starts for it.

use stoker_sdk_scheduler::Task;

use super::{Laboratory, report::Figure};
use crate::{
    cluster::{Cluster, Durability},
    figures::Latency,
    launch::Framework,
};

const TENANTS: usize = 40;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, spares, most) in [
        ("without spare runners", "0", 10.0),
        ("with them", "4", 2.0),
    ] {
        let latency = first_tasks(laboratory, &["--spare-runners", spares])?;
        let first = Figure::of(
            format!("a tenant's first task, {name}, p50"),
            "ms",
            [latency.p50_ms],
        );
        figures.push(first.at_most(most));
        figures.push(Figure::of("  p99", "ms", [latency.p99_ms]));
    }
    Ok(figures)
}

fn first_tasks(laboratory: &Laboratory, flags: &[&str]) -> anyhow::Result<Latency> {
    let (module, _) = laboratory.guest("noop")?;
    let cluster = Cluster::start(
        (&laboratory.stoker, &laboratory.place),
        "cpus=2;mem=1GiB;disk=0;fuel=10000",
        Durability::Classes,
        flags,
    )?;
    let task = Task::new(format!("file:{}", module.display()).parse()?)
        .cpu_millis(10)
        .mem_mib(8);
    let mut times = Vec::new();
    // The first one of all has its module compiled.
    for round in 0..=TENANTS {
        let framework = Framework::start(cluster.master(), task.clone())?;
        let run = framework.burst(1)?;
        framework.stop()?;
        let ran = run
            .times
            .iter()
            .filter_map(|times| Some(times.running? - times.accepted));
        times.extend(ran.filter(|_| round > 0));
        cluster.settled()?;
    }
    Ok(Latency::of(times))
}
