//! Whether what tasks are charged is what their runner used: the sum over all tasks of a mixed load,
//! against what the kernel counts for the runner's process.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use stoker_sdk_scheduler::Task;
use stoker_tests_hostile::{Arena, Attack, Family, attacks};

use super::{
    Laboratory,
    guests::{float, seconds},
    report::Figure,
};
use crate::{
    cluster::{Cluster, Durability},
    cpu,
};

/// How long a task may take to be launched and to end.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two tasks of a kind.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a guest that never ends runs.
const SPELL: Duration = Duration::from_secs(1);

pub(super) fn measure(laboratory: &Laboratory) -> anyhow::Result<Vec<Figure>> {
    let cluster = Cluster::start(
        (&laboratory.stoker, &laboratory.place),
        "cpus=4;mem=8GiB;disk=8GiB;fuel=1000000",
        Durability::Classes,
        &[],
    )?;
    let arena = Arena::enter(cluster.master(), "mixed")?;
    let kinds = kinds(laboratory, &arena)?;
    // It keeps the runner, whatever else ends.
    let mut keeper = arena.launch(kinds[0].clone().args(["86400000"]))?;
    keeper.wait_until_it_runs(PATIENCE)?;
    let over = Instant::now() + laboratory.accounting;
    let (charged, tasks) = thread::scope(|scope| {
        let loads: Vec<_> = kinds
            .iter()
            .map(|task| scope.spawn(|| load(&arena, task, over)))
            .collect();
        let mut sum = (Duration::ZERO, 0);
        for load in loads {
            let (charged, tasks) = load.join().map_err(|_| anyhow!("a load panicked"))??;
            sum = (sum.0 + charged, sum.1 + tasks);
        }
        anyhow::Ok(sum)
    })?;
    keeper.kill()?;
    let charged = charged + keeper.wait(PATIENCE)?.usage.cpu_time;
    let runners = cluster.runners()?.into_iter().map(cpu::of_process);
    let counted: Vec<Duration> = runners.collect::<anyhow::Result<_>>()?;
    // The spare one, and one that has run everything.
    let counted = counted.into_iter().max().context("no runner is left")?;
    let error = (seconds(charged) / seconds(counted) - 1.0).abs() * 100.0;
    let minutes = seconds(laboratory.accounting) / 60.0;
    let name =
        format!("mixed load, {minutes:.0} min: all tasks' CPU time, from the kernel's count");
    Ok(vec![
        Figure::of(name, "%", [error]).at_most(2.0),
        Figure::of("  the kernel's count", "s", [seconds(counted)]),
        Figure::of("  tasks", "", [float(tasks)]),
    ])
}

/// One task of each kind of work: sleeping first.
fn kinds(laboratory: &Laboratory, arena: &Arena) -> anyhow::Result<Vec<Task>> {
    let guest = |name: &str| {
        let (path, _) = laboratory.guest(name)?;
        anyhow::Ok(Task::new(format!("file:{}", path.display()).parse()?).mem_mib(16))
    };
    let mut kinds = vec![
        guest("sleep")?.args(["200"]),
        guest("noop")?,
        guest("spin")?.cpu_millis(50).strict().timeout(SPELL),
        guest("kernels")?.args(["sha", "20"]),
        guest("chatter")?.args(["50", "1"]),
        guest("trap")?,
        guest("hog")?,
    ];
    let busy = [
        (Family::Files, "makes a million files of nothing"),
        (Family::HostCalls, "asks for the time, again and again"),
        (Family::Exceptions, "throws through a deep stack for ever"),
        (Family::Output, "floods both by turns"),
    ];
    for (number, (family, name)) in busy.into_iter().enumerate() {
        let find = |attack: &Attack| attack.name == name;
        let attack = attacks(family).into_iter().find(find);
        let attack = attack.with_context(|| format!("there is no guest that {name}"))?;
        let task = arena.task(&format!("busy-{number}"), &attack.wasm())?;
        let task = attack.task(task).cpu_millis(20).strict().timeout(SPELL);
        kinds.push(task);
    }
    Ok(kinds)
}

/// Runs copies of a task one after the other. What they were charged, and how many.
fn load(arena: &Arena, task: &Task, over: Instant) -> anyhow::Result<(Duration, u64)> {
    let (mut charged, mut tasks) = (Duration::ZERO, 0);
    while Instant::now() < over {
        charged += arena.run(task.clone(), PATIENCE)?.usage.cpu_time;
        tasks += 1;
        thread::sleep(PAUSE);
    }
    Ok((charged, tasks))
}
