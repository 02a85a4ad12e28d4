//! How long the first task of a tenant takes from its accept to RUNNING: its runner starts for it.
//!
//! On a machine in use, where another tenant's tasks come at random all the time, and on an idle one,
//! where every launch is slower: its cores sleep, and wake for each step of it. What a later task
//! takes there stands beside each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::anyhow;
use stoker_sdk_scheduler::Task;

use super::{Laboratory, report::Figure};
use crate::{
    cluster::{Cluster, Durability},
    figures::Latency,
    launch::{Arrivals, Framework, Run},
};

const TENANTS: usize = 30;
/// From one tenant to the next: the spare runner that was taken has been replaced.
const REPLACED_AFTER: Duration = Duration::from_millis(400);
/// The tasks of another tenant on a machine in use: some hundredths of what it can launch.
const TASKS_A_SECOND: f64 = 500.0;

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, spares, most) in [
        ("without spare runners", "0", 10.0),
        ("with them", "4", 2.0),
    ] {
        let bench = Bench::start(laboratory, &["--spare-runners", spares])?;
        let (idle, idle_later) = bench.idle()?;
        let (used, used_later) = bench.in_use()?;
        let name = format!("a tenant's first task, {name}, p50");
        figures.push(Figure::of(name, "ms", [used.p50_ms]).at_most(most));
        let others = [
            ("  p99", used.p99_ms),
            ("  a later task at that time, p50", used_later.p50_ms),
            ("  on an idle machine, p50", idle.p50_ms),
            ("  a later task there, p50", idle_later.p50_ms),
        ];
        figures.extend(others.map(|(name, value)| Figure::of(name, "ms", [value])));
    }
    Ok(figures)
}

struct Bench {
    cluster: Cluster,
    task: Task,
}

impl Bench {
    fn start(laboratory: &Laboratory, flags: &[&str]) -> anyhow::Result<Self> {
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
        let bench = Self { cluster, task };
        // The first one of all has its module compiled.
        bench.tenant()?.stop()?;
        bench.cluster.settled()?;
        Ok(bench)
    }

    fn framework(&self) -> anyhow::Result<Framework> {
        Framework::start(self.cluster.master(), self.task.clone())
    }

    /// A framework that has run a task.
    fn tenant(&self) -> anyhow::Result<Framework> {
        let framework = self.framework()?;
        framework.burst(1)?;
        Ok(framework)
    }

    /// The first and the second tasks of tenants that have the machine to themselves.
    fn idle(&self) -> anyhow::Result<(Latency, Latency)> {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for _ in 0..TENANTS {
            thread::sleep(REPLACED_AFTER);
            let framework = self.framework()?;
            first.extend(starts(&framework.burst(1)?));
            thread::sleep(REPLACED_AFTER);
            second.extend(starts(&framework.burst(1)?));
            framework.stop()?;
        }
        Ok((Latency::of(first), Latency::of(second)))
    }

    /// The first tasks of tenants beside the tasks of another one, and those.
    fn in_use(&self) -> anyhow::Result<(Latency, Latency)> {
        let others = Others::start(self.tenant()?)?;
        let mut first = Vec::new();
        for _ in 0..TENANTS {
            thread::sleep(REPLACED_AFTER);
            let framework = self.framework()?;
            first.extend(starts(&framework.burst(1)?));
            framework.stop()?;
        }
        Ok((Latency::of(first), Latency::of(others.end()?)))
    }
}

/// From accept to RUNNING.
fn starts(run: &Run) -> impl Iterator<Item = Duration> {
    let times = run.times.iter();
    times.filter_map(|times| Some(times.running? - times.accepted))
}

/// Tasks of a tenant that come at random, until this is ended.
struct Others {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Vec<Duration>>>,
}

impl Others {
    fn start(framework: Framework) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = thread::Builder::new()
            .name("others".to_owned())
            .spawn(move || {
                let mut took = Vec::new();
                for seed in 1.. {
                    if over.load(Relaxed) {
                        break;
                    }
                    let second = Duration::from_secs(1);
                    let arrivals = Arrivals::new(seed, TASKS_A_SECOND).take_for(second);
                    took.extend(starts(&framework.open_loop(&arrivals)?));
                }
                framework.stop()?;
                Ok(took)
            })?;
        Ok(Self { is_over, thread })
    }

    /// What each took from its accept to RUNNING.
    fn end(self) -> anyhow::Result<Vec<Duration>> {
        self.is_over.store(true, Relaxed);
        self.thread.join().map_err(|_| anyhow!("it panicked"))?
    }
}
