//! All figures: as JSON, and as a table for people.
//!
//! Owns names, units and what is divided by what.

use std::fmt::Write as _;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{Burst, scheduler::Times};
use crate::{
    cpu::CpuTimes,
    figures::{Latency, Rounds, milliseconds, number},
    machine::Machine,
    yardstick::Measured,
};

/// Everything that was measured, and on what.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) load_before: String,
    pub(super) load_after: String,
    pub(super) seed: u64,
    pub(super) workload: Workload,
    /// Terminal updates synced in groups, the rest written: what production does.
    pub(super) production: Mode,
    /// Every record of the agent synced.
    pub(super) synced: Mode,
    pub(super) yardsticks: Yardsticks,
}

/// What was run.
#[derive(Debug, Serialize)]
pub(super) struct Workload {
    pub(super) tasks: usize,
    pub(super) rounds: usize,
    pub(super) module_bytes: u64,
    pub(super) task_cpu_millis: u64,
    pub(super) task_mem_mib: u64,
    pub(super) agent_resources: &'static str,
}

/// What one durability gave.
#[derive(Debug, Serialize)]
pub(super) struct Mode {
    pub(super) throughput: Throughput,
    /// With the percentage of the throughput that tasks arrived at.
    pub(super) latencies: Vec<(u32, Latencies)>,
}

/// The bursts.
#[derive(Debug, Serialize)]
pub(super) struct Throughput {
    pub(super) tasks_per_second: Rounds,
    pub(super) tasks_per_accept: Rounds,
    pub(super) cpu_ms_per_task: Rounds,
    pub(super) scheduler_cpu_ms_per_task: Rounds,
    pub(super) master_cpu_ms_per_task: Rounds,
    pub(super) daemon_cpu_ms_per_task: Rounds,
    pub(super) runner_cpu_ms_per_task: Rounds,
}

impl Throughput {
    /// Of rounds of `tasks` each.
    pub(super) fn of(bursts: &[Burst], tasks: usize) -> Self {
        let each = |part: fn(CpuTimes) -> std::time::Duration| {
            let of_burst = |burst: &Burst| milliseconds(part(burst.cpu)) / number(tasks);
            Rounds::of(bursts.iter().map(of_burst))
        };
        Self {
            tasks_per_second: Rounds::of(bursts.iter().map(|burst| burst.rate)),
            tasks_per_accept: Rounds::of(bursts.iter().map(|burst| burst.tasks_per_accept)),
            cpu_ms_per_task: each(CpuTimes::total),
            scheduler_cpu_ms_per_task: each(|cpu| cpu.scheduler),
            master_cpu_ms_per_task: each(|cpu| cpu.master),
            daemon_cpu_ms_per_task: each(|cpu| cpu.daemon),
            runner_cpu_ms_per_task: each(|cpu| cpu.runner),
        }
    }
}

/// One open loop.
#[derive(Debug, Serialize)]
pub(super) struct Latencies {
    pub(super) arrivals_per_second: f64,
    pub(super) tasks: usize,
    /// From when a task was due to arrive, to RUNNING: with the wait for an offer, and with our own
    /// lateness.
    pub(super) from_arrival: Latency,
    /// From the accept that launched it.
    pub(super) from_accept: Latency,
}

impl Latencies {
    /// Of at least one task.
    pub(super) fn of(rate: f64, times: &[Times]) -> Self {
        let from = |start: fn(&Times) -> std::time::Instant| {
            let time = |times: &Times| Some(times.running? - start(times));
            Latency::of(times.iter().filter_map(time))
        };
        Self {
            arrivals_per_second: rate,
            tasks: times.len(),
            from_arrival: from(|times| times.due),
            from_accept: from(|times| times.accepted),
        }
    }
}

/// What the same machine did at the same time without Stoker.
#[derive(Debug)]
pub(super) struct Yardsticks {
    pub(super) is_wanted: bool,
    pub(super) bare: Vec<Measured>,
    pub(super) spawn: Vec<Measured>,
}

impl Default for Yardsticks {
    fn default() -> Self {
        Self {
            is_wanted: true,
            bare: Vec::new(),
            spawn: Vec::new(),
        }
    }
}

impl Yardsticks {
    pub(super) fn none() -> Self {
        Self {
            is_wanted: false,
            ..Self::default()
        }
    }
}

impl Serialize for Yardsticks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Yardsticks", 4)?;
        fields.serialize_field("bare_wasmtime_per_second", &rates(&self.bare))?;
        fields.serialize_field("bare_wasmtime_cpu_ms", &costs(&self.bare))?;
        fields.serialize_field("posix_spawn_per_second", &rates(&self.spawn))?;
        fields.serialize_field("posix_spawn_cpu_ms", &costs(&self.spawn))?;
        fields.end()
    }
}

fn rates(measured: &[Measured]) -> Rounds {
    Rounds::of(measured.iter().map(|measured| measured.rate()))
}

fn costs(measured: &[Measured]) -> Rounds {
    Rounds::of(measured.iter().map(|measured| measured.cpu_ms()))
}

impl Report {
    /// For people. The first line is for machines too.
    pub(super) fn text(&self) -> String {
        let throughput = &self.production.throughput;
        let mut text = format!(
            "launch: {:.0} tasks/s\n",
            throughput.tasks_per_second.median
        );
        // Writing into a String does not fail.
        let _written = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let (workload, machine) = (&self.workload, &self.machine);
        writeln!(
            text,
            "\n{} tasks of a no-op WASI module ({} bytes; cpus {}, mem {} MiB), {} rounds,\n\
             one scheduler, one master, one agent ({}) on loopback",
            workload.tasks,
            workload.module_bytes,
            f64::from(u32::try_from(workload.task_cpu_millis).unwrap_or(u32::MAX)) / 1000.0,
            workload.task_mem_mib,
            workload.rounds,
            workload.agent_resources,
        )?;
        writeln!(
            text,
            "{}, {} cores, Linux {}, {}; commit {}{}; seed {}; load {} before, {} after",
            machine.processor,
            machine.cores,
            machine.kernel,
            machine.file_system,
            machine.commit,
            if machine.is_release_build {
                ""
            } else {
                " (DEBUG BUILD: these figures mean nothing)"
            },
            self.seed,
            self.load_before,
            self.load_after,
        )?;
        writeln!(
            text,
            "\n{:42}{:>10}{:>10}{:>10}",
            "", "median", "min", "max"
        )?;
        write_throughput(text, "terminal updates synced", &self.production.throughput)?;
        write_throughput(text, "everything synced", &self.synced.throughput)?;
        self.write_yardsticks(text)?;
        writeln!(
            text,
            "\n{:42}{:>10}{:>10}{:>10}{:>10}",
            "open loop: milliseconds to RUNNING", "p50", "p90", "p99", "max"
        )?;
        write_latencies(text, "terminal updates synced", &self.production)?;
        write_latencies(text, "everything synced", &self.synced)
    }

    fn write_yardsticks(&self, text: &mut String) -> std::fmt::Result {
        let own = &self.production.throughput;
        let named = [
            ("bare wasmtime, same engine", &self.yardsticks.bare),
            ("posix_spawn of /bin/true", &self.yardsticks.spawn),
        ];
        for (name, measured) in named {
            let (rate, cost) = (rates(measured), costs(measured));
            writeln!(text, "{name}")?;
            row(text, "  runs/s", rate, 0)?;
            row(text, "  CPU-ms a run", cost, 4)?;
            writeln!(
                text,
                "{:42}{:>10.3}{:>10}{:>10.3}",
                "  a task is so many of them: CPU, rate",
                own.cpu_ms_per_task.median / cost.median,
                "",
                rate.median / own.tasks_per_second.median,
            )?;
        }
        Ok(())
    }
}

fn write_throughput(text: &mut String, name: &str, figures: &Throughput) -> std::fmt::Result {
    writeln!(text, "Stoker, {name}")?;
    row(text, "  tasks/s", figures.tasks_per_second, 0)?;
    row(text, "  CPU-ms a task", figures.cpu_ms_per_task, 3)?;
    row(text, "    scheduler", figures.scheduler_cpu_ms_per_task, 3)?;
    row(text, "    master", figures.master_cpu_ms_per_task, 3)?;
    row(text, "    daemon", figures.daemon_cpu_ms_per_task, 3)?;
    row(text, "    runner", figures.runner_cpu_ms_per_task, 3)?;
    row(text, "  tasks an accept", figures.tasks_per_accept, 0)
}

fn write_latencies(text: &mut String, name: &str, mode: &Mode) -> std::fmt::Result {
    for (percent, latencies) in &mode.latencies {
        writeln!(
            text,
            "{name}, at {percent} % ({:.0} tasks/s)",
            latencies.arrivals_per_second
        )?;
        for (from, latency) in [
            ("  from the arrival", latencies.from_arrival),
            ("  from the accept", latencies.from_accept),
        ] {
            writeln!(
                text,
                "{from:42}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.max_ms
            )?;
        }
    }
    Ok(())
}

fn row(text: &mut String, name: &str, rounds: Rounds, decimals: usize) -> std::fmt::Result {
    let Rounds { median, min, max } = rounds;
    writeln!(
        text,
        "{name:42}{median:>10.decimals$}{min:>10.decimals$}{max:>10.decimals$}"
    )
}
