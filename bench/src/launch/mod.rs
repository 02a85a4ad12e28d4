//! `stoker-bench launch`: how fast tasks that do nothing go through, what each costs, and how long one
//! waits for its start.
//!
//! ```text
//!  cluster with the durability of production          the same, everything synced
//!    round 1..n: burst │ bare wasmtime │ /bin/true      round 1..n: burst
//!    open loop at 10 %, at 50 %                         open loop at 10 %, at 50 %
//! ```
//!
//! Owns the order of all this. A round is a framework of its own: it registers, runs one task so that
//! its runner is up and the module cached, and then all others.

mod framework;
mod open_loop;
mod report;
mod scheduler;

use std::{env, fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, bail};
use stoker_sdk_scheduler::Task;

use self::report::{Latencies, Mode, Report, Throughput, Workload, Yardsticks};
pub(crate) use self::{framework::Framework, open_loop::Arrivals, scheduler::Run};
use crate::{
    cluster::{Cluster, Durability},
    cpu::CpuTimes,
    figures::{Rounds, milliseconds, number},
    machine::{self, Machine},
    say, tell, yardstick,
};

/// The guest: `examples/guests/noop`.
const GUEST: &str = "noop";
const TASK_CPU_MILLIS: u64 = 10;
const TASK_MEM_MIB: u64 = 8;
/// What the agent sells: 200 tasks at once.
const RESOURCES: &str = "cpus=2;mem=4GiB;disk=0;fuel=10000";
/// How long each open loop lasts.
const OPEN_LOOP: Duration = Duration::from_secs(8);
/// The parts of the throughput at which it runs.
const OPEN_LOOP_PERCENT: [u32; 2] = [10, 50];
/// The runs of a yardstick in each round.
const BARE_RUNS: usize = 20_000;
const SPAWN_RUNS: usize = 1_000;
/// Each runs this many at a time, or as many as there are cores if that is less.
const YARDSTICK_THREADS: usize = 2;
/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The tasks of a round.
    pub(crate) tasks: usize,
    pub(crate) rounds: usize,
    /// Fixes when tasks arrive in the open loop.
    pub(crate) seed: u64,
    /// Where all figures are written.
    pub(crate) json: Option<PathBuf>,
}

/// What everything is measured with.
struct Laboratory<'a> {
    plan: &'a Plan,
    stoker: PathBuf,
    module: PathBuf,
    /// For the clusters' data: on the disk that the programs are on.
    place: PathBuf,
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let place = env::current_exe().context("cannot tell where this program is")?;
    let place = place.parent().unwrap_or(&place).to_owned();
    let laboratory = Laboratory {
        plan,
        stoker: stoker_sdk_testing::stoker_binary()?,
        module: stoker_sdk_testing::guest(GUEST)?,
        place,
    };
    let load_before = machine::load();
    let machine = Machine::look(&laboratory.place);
    let yardsticks = Yardsticks::default();
    let (yardsticks, production) = laboratory.measure(Durability::Classes, yardsticks)?;
    let (_, synced) = laboratory.measure(Durability::AllSynced, Yardsticks::none())?;
    let report = Report {
        machine,
        load_before,
        load_after: machine::load(),
        seed: plan.seed,
        workload: Workload {
            tasks: plan.tasks,
            rounds: plan.rounds,
            module_bytes: fs::metadata(&laboratory.module)
                .context("cannot look at the guest")?
                .len(),
            task_cpu_millis: TASK_CPU_MILLIS,
            task_mem_mib: TASK_MEM_MIB,
            agent_resources: RESOURCES,
        },
        production,
        synced,
        yardsticks,
    };
    tell(&report.text())?;
    if let Some(path) = &plan.json {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("all figures are in {}", path.display()));
    }
    Ok(())
}

impl Laboratory<'_> {
    /// Everything on one cluster, and a round of each yardstick between its rounds.
    fn measure(
        &self,
        durability: Durability,
        mut yardsticks: Yardsticks,
    ) -> anyhow::Result<(Yardsticks, Mode)> {
        let cluster = Cluster::start((&self.stoker, &self.place), RESOURCES, durability, &[])?;
        let measured = self.measure_on(&cluster, durability, &mut yardsticks);
        let mode = measured.with_context(|| cluster.last_words())?;
        Ok((yardsticks, mode))
    }

    fn measure_on(
        &self,
        cluster: &Cluster,
        durability: Durability,
        yardsticks: &mut Yardsticks,
    ) -> anyhow::Result<Mode> {
        let rounds = self.plan.rounds;
        let mut bursts = Vec::new();
        for round in 1..=rounds {
            let burst = self.burst(cluster)?;
            say(&format!(
                "[{durability:?} {round}/{rounds}] {:.0} tasks/s, {:.3} CPU-ms a task (load {})",
                burst.rate,
                milliseconds(burst.cpu.total()) / number(self.plan.tasks),
                machine::load(),
            ));
            bursts.push(burst);
            if yardsticks.is_wanted {
                let threads = thread::available_parallelism().map_or(1, usize::from);
                let threads = threads.min(YARDSTICK_THREADS);
                let bare = yardstick::bare(&self.module, BARE_RUNS, threads)?;
                yardsticks.bare.push(bare);
                yardsticks
                    .spawn
                    .push(yardstick::spawn(SPAWN_RUNS, threads)?);
            }
        }
        let throughput = Throughput::of(&bursts, self.plan.tasks);
        let mut latencies = Vec::new();
        for percent in OPEN_LOOP_PERCENT {
            let rate = throughput.tasks_per_second.median * f64::from(percent) / 100.0;
            let latency = self.open_loop(cluster, rate)?;
            say(&format!(
                "[{durability:?} open loop] {percent} %: p50 {:.2} ms",
                latency.from_arrival.p50_ms
            ));
            latencies.push((percent, latency));
        }
        Ok(Mode {
            throughput,
            latencies,
        })
    }

    fn task(&self) -> anyhow::Result<Task> {
        let module = format!("file:{}", self.module.display());
        Ok(Task::new(module.parse()?)
            .name(GUEST)
            .cpu_millis(TASK_CPU_MILLIS)
            .mem_mib(TASK_MEM_MIB))
    }

    /// All tasks of a round at once.
    fn burst(&self, cluster: &Cluster) -> anyhow::Result<Burst> {
        let framework = Framework::start(cluster.master(), self.task()?)?;
        framework.burst(1)?;
        let before = cluster.settled()?;
        let run = framework.burst(self.plan.tasks)?;
        let cpu = cluster.settled()?.since(before);
        let launched = Rounds::of(run.accepts.iter().map(|tasks| number(*tasks)));
        framework.stop()?;
        Ok(Burst {
            rate: number(self.plan.tasks) / run.took().as_secs_f64(),
            cpu,
            tasks_per_accept: launched.median,
        })
    }

    /// Tasks one by one, whenever one happens to come.
    fn open_loop(&self, cluster: &Cluster, rate: f64) -> anyhow::Result<Latencies> {
        let framework = Framework::start(cluster.master(), self.task()?)?;
        framework.burst(1)?;
        let arrivals = Arrivals::new(self.plan.seed, rate).take_for(OPEN_LOOP);
        let run = framework.open_loop(&arrivals)?;
        framework.stop()?;
        if run.times.is_empty() {
            bail!("no task arrived: the rate of {rate} a second is too low");
        }
        Ok(Latencies::of(rate, &run.times))
    }
}

/// One round.
struct Burst {
    rate: f64,
    cpu: CpuTimes,
    tasks_per_accept: f64,
}
