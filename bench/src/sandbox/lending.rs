//! How soon a tenant that begins to work has its whole share back, of a machine that was lent to
//! another one with more threads.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use stoker_sdk_scheduler::Task;
use stoker_tests_hostile::{Arena, spinner};

use super::{Laboratory, guests::seconds, report::Figure};
use crate::{
    cluster::{Cluster, Durability},
    cpu,
    figures::Latency,
};

const TIMES: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it is watched each time, and how often its CPU time is read.
const WATCHED: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// It has its share if it has nine tenths of a core for so long: the budgets' window.
const LONG_ENOUGH: Duration = Duration::from_millis(50);
const ENOUGH: f64 = 0.9;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let cluster = Cluster::start(
        (&laboratory.stoker, &laboratory.place),
        "cpus=2;mem=1GiB;disk=0;fuel=10000",
        Durability::Classes,
        &["--spare-runners", "0"],
    )?;
    let crowd = Arena::enter(cluster.master(), "crowd")?;
    let spinning = crowd.task("spinner", &spinner())?.mem_mib(1);
    let spinning = spinning.cpu_millis(250);
    let mut spinners = Vec::new();
    for _ in 0..4 {
        let mut spinner = crowd.launch(spinning.clone())?;
        spinner.wait_until_it_runs(PATIENCE)?;
        spinners.push(spinner);
    }
    let of_crowd = cluster.runners()?;
    let late = Arena::enter(cluster.master(), "late")?;
    let (sleep, _) = laboratory.guest("sleep")?;
    let sleeping = Task::new(format!("file:{}", sleep.display()).parse()?)
        .cpu_millis(10)
        .mem_mib(8)
        .args(["86400000"]);
    let mut sleeper = late.launch(sleeping)?;
    sleeper.wait_until_it_runs(PATIENCE)?;
    let runner = cluster.runners()?;
    let runner = runner.into_iter().find(|pid| !of_crowd.contains(pid));
    let runner = runner.context("it has no runner of its own")?;
    let begins = late.task("spinner", &spinner())?.mem_mib(1);
    let begins = begins.cpu_millis(990).timeout(WATCHED);
    let mut took = Vec::new();
    for _ in 0..TIMES {
        // Long enough that all is lent again.
        thread::sleep(WATCHED);
        let mut spinner = late.launch(begins.clone())?;
        spinner.wait_until_it_runs(PATIENCE)?;
        took.push(until_share(&watch(runner)?).unwrap_or(WATCHED));
        spinner.wait(PATIENCE)?;
    }
    let latency = Latency::of(took);
    let name = "a lent core is back with its tenant after, p50";
    Ok(vec![
        Figure::of(name, "ms", [latency.p50_ms]).at_most(100.0),
        Figure::of("  p90", "ms", [latency.p90_ms]),
        Figure::of("  the slowest", "ms", [latency.max_ms]),
    ])
}

/// When the CPU time of a process was read, and what it was.
type Sample = (Duration, Duration);

fn watch(runner: u32) -> anyhow::Result<Vec<Sample>> {
    let begin = Instant::now();
    let mut samples = Vec::new();
    while begin.elapsed() < WATCHED - LONG_ENOUGH {
        samples.push((begin.elapsed(), cpu::exactly_of_process(runner)?));
        thread::sleep(LOOK_EVERY);
    }
    Ok(samples)
}

/// From when on it has enough for long enough.
fn until_share(samples: &[Sample]) -> Option<Duration> {
    let has_share = |(index, (at, used)): (usize, &Sample)| {
        let mut later = samples[index..].iter();
        let (end, total) = later.find(|(end, _)| *end >= *at + LONG_ENOUGH)?;
        let part = seconds(*total - *used) / seconds(*end - *at);
        (part >= ENOUGH).then_some(*at)
    };
    samples.iter().enumerate().find_map(has_share)
}
