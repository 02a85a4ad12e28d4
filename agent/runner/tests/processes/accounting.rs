//! What a runner's tasks are told to have used, against what the kernel counted for its process.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use stoker_types::{
    Digest, FrameworkId, TaskKey, UnknownImports, Usage,
    runner::{CompiledKey, Event, NumberedEvent, Order},
};

use crate::{
    daemon::{Daemon, PATIENCE},
    program::{HELLO, SPIN},
    runner::{NONCE, artifact, command, launch_of, runner_id, wait},
};

pub(crate) const CASES: &[crate::Case] = &[
    (
        "accounting_is_what_the_kernel_counts",
        is_what_the_kernel_counts,
    ),
    (
        "accounting_is_told_while_tasks_run",
        is_told_while_tasks_run,
    ),
];

/// Wakes a thousand times.
const SLEEPS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $left i32)
        (local.set $left (i32.const 1000))
        (loop $again
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 100000))
            (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#;

/// Prints 30,000 lines, and asks the time as often.
const PRINTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\0a")
    (func (export "_start") (local $left i32)
        (local.set $left (i32.const 30000))
        (loop $again
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
            (drop (call $time (i32.const 1) (i64.const 1) (i32.const 72)))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#;

/// The modules of the mix: how many tasks of each are in a round, and their fuel budget.
const MIX: [(&str, usize, Option<u64>); 4] = [
    (SPIN, 4, Some(200_000_000)),
    (SLEEPS, 4, None),
    (PRINTS, 2, None),
    (HELLO, 300, None),
];

fn key(number: usize) -> TaskKey {
    TaskKey {
        framework_id: FrameworkId::from_bits(1),
        task_id: format!("t{number}").parse().unwrap(),
    }
}

/// The CPU time of a process that lives, as the kernel counts it: to 10 ms.
fn kernel_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = [11, 12]
        .iter()
        .map(|field| fields[*field].parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// What came of a mixed load.
struct Balance {
    /// What its tasks were told to have used, in all.
    told: Duration,
    /// What the kernel counted from its start to its end.
    counted: Duration,
    tasks: usize,
}

impl Balance {
    fn ratio(&self) -> f64 {
        self.told.as_secs_f64() / self.counted.as_secs_f64()
    }
}

/// Has a runner run rounds of the mix for at least so long.
fn mixed_load(folder: &Path, time: Duration) -> Balance {
    let socket = folder.join("socket");
    let mut child = command(&socket, &[]).spawn().unwrap();
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    let module = |index: usize| {
        let digest = Digest::from_bytes([u8::try_from(index).unwrap(); 32]);
        CompiledKey::new(digest, UnknownImports::Refuse)
    };
    let artifacts = MIX.map(|(wat, _, _)| artifact(wat));
    let before = kernel_time(child.id());
    for (index, artifact) in artifacts.iter().enumerate() {
        daemon.module(module(index), artifact);
    }
    let (mut told, mut tasks) = (Duration::ZERO, 0);
    let begun = Instant::now();
    while tasks == 0 || begun.elapsed() < time {
        let mut orders = Vec::new();
        for (index, (_, count, fuel)) in MIX.iter().enumerate() {
            for _ in 0..*count {
                let sandbox = folder.join(format!("s{tasks}"));
                let mut launch = launch_of(key(tasks), module(index), &sandbox);
                launch.task.limits.fuel_budget = *fuel;
                orders.push(Order::Launch(Box::new(launch)));
                tasks += 1;
            }
        }
        let count = orders.len();
        daemon.order(orders);
        told += ends(&mut daemon, count);
        for index in tasks - count..tasks {
            drop(fs::remove_dir_all(folder.join(format!("s{index}"))));
        }
    }
    let counted = kernel_time(child.id()) - before;
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
    Balance {
        told,
        counted,
        tasks,
    }
}

/// What so many tasks used in all that end now.
fn ends(daemon: &mut Daemon, count: usize) -> Duration {
    let (mut told, mut ended, mut last) = (Duration::ZERO, 0, 0);
    while ended < count {
        let stoker_proto::convert::runner::RunnerFrame::Events(events) = daemon.frame().unwrap()
        else {
            panic!("no events");
        };
        for NumberedEvent { number, event } in events {
            last = number;
            if let Event::Ended { usage, .. } = event {
                told += usage.cpu_time;
                ended += 1;
            }
        }
    }
    daemon.order([Order::Confirm { event: last }]);
    told
}

fn is_what_the_kernel_counts() {
    let folder = tempfile::tempdir().unwrap();
    let balance = mixed_load(folder.path(), Duration::from_secs(1));
    let ratio = balance.ratio();
    assert!(
        (0.9..1.1).contains(&ratio),
        "told {:?}, counted {:?}",
        balance.told,
        balance.counted
    );
}

/// `accounting SECONDS`: a mixed load for so long, and how far the tasks' sum is from the kernel's
/// count. For people.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let seconds = arguments.next().unwrap().parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let balance = mixed_load(folder.path(), Duration::from_secs(seconds));
    println!(
        "{} tasks: told {:?}, counted {:?}, ratio {:.4}",
        balance.tasks,
        balance.told,
        balance.counted,
        balance.ratio()
    );
    ExitCode::SUCCESS
}

fn is_told_while_tasks_run() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let mut child = command(&socket, &[]).spawn().unwrap();
    let (mut daemon, _) = Daemon::welcomed(&socket, runner_id(), NONCE, 0);
    let module = CompiledKey::new(Digest::from_bytes([1; 32]), UnknownImports::Refuse);
    daemon.module(module, &artifact(SPIN));
    let launches = (0..2).map(|number| {
        let launch = launch_of(key(number), module, &folder.path().join("sandbox"));
        Order::Launch(Box::new(launch))
    });
    daemon.order(launches);
    let give_up = Instant::now() + PATIENCE;
    let mut known: BTreeMap<TaskKey, Vec<Usage>> = BTreeMap::new();
    while known.len() < 2 || known.values().any(|usages| usages.len() < 2) {
        assert!(Instant::now() < give_up, "{known:?}");
        let told = daemon.usage();
        known.entry(told.task).or_default().push(told.usage);
    }
    for usages in known.values() {
        assert!(usages.is_sorted_by(|one, next| {
            one.fuel_used < next.fuel_used
                && one.cpu_time < next.cpu_time
                && one.wall_time < next.wall_time
        }));
    }
    daemon.order([Order::Shutdown]);
    assert_eq!(wait(&mut child), Some(0));
}
