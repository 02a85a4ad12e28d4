//! Tenants on one machine: how many tasks, runners and threads one has takes nothing from another.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use stoker_sdk_scheduler::{
    Calls, Driver, FrameworkInfo, Offer, Scheduler, StatusUpdate, Task, TaskState, Timestamp,
    take_fitting,
};
use stoker_sdk_testing::DevCluster;

use crate::harness::{guest, module, stoker, wait_for};

/// The tenants of the crowd; each has a runner, and each of these a worker a core.
const TENANTS: usize = 10;
const TASKS_OF_EACH: usize = 100;

/// Launches tasks that never end, and never does anything else.
#[derive(Debug)]
struct Spinners {
    waiting: std::collections::VecDeque<Task>,
}

impl Scheduler for Spinners {
    type Command = std::convert::Infallible;

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let tasks = take_fitting(&offer.resources, &mut self.waiting);
            calls.accept_for([offer.id], tasks, Duration::ZERO);
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, _: &mut Calls) {
        assert!(!update.state.is_terminal(), "{update:?}");
        assert_ne!(update.state, TaskState::Unreachable);
    }
}

/// A framework of its own with so many tasks, which live as long as the result.
fn spinners(
    cluster: &DevCluster,
    name: &str,
    task: &Task,
    count: usize,
) -> tokio::runtime::Runtime {
    let framework = FrameworkInfo {
        name: name.to_owned(),
        principal: String::new(),
        roles: vec![format!("tests/{name}").parse().unwrap()],
        failover_timeout: Duration::ZERO,
    };
    let spinners = Spinners {
        waiting: vec![task.clone(); count].into(),
    };
    let driver = Driver::builder(spinners)
        .master(cluster.master())
        .framework(framework)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    drop(runtime.spawn(driver.run()));
    runtime
}

/// The processes of the runners, by role: all of them once all tasks run.
fn runners(cluster: &DevCluster) -> Option<BTreeMap<String, u32>> {
    let agents = cluster.get_json("/api/v1/agents").unwrap();
    let runners = agents.as_array()?.iter();
    let runners: Vec<_> = runners
        .filter_map(|agent| agent["runners"].as_array())
        .flatten()
        .collect();
    let tasks: u64 = runners
        .iter()
        .filter_map(|runner| runner["tasks"].as_u64())
        .sum();
    let pid = |runner: &serde_json::Value| u32::try_from(runner["pid"].as_u64()?).ok();
    let role = |runner: &serde_json::Value| Some(runner["role"].as_str()?.to_owned());
    let is_complete = tasks == (TENANTS * TASKS_OF_EACH + 1) as u64;
    let pids = runners
        .iter()
        .filter_map(|runner| Some((role(runner)?, pid(runner)?)));
    is_complete.then(|| pids.collect())
}

/// The CPU time of a process, in ticks.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap());
    ticks.sum()
}

#[test]
fn a_thousand_spinning_tasks_leave_another_tenants_one_task_its_share() {
    let spin = module(r#"(module (func (export "_start") (loop $l (br $l))))"#);
    let spin = format!("file:{}", spin.path().display()).parse().unwrap();
    // One agent, which sells the whole machine.
    let cluster = DevCluster::builder().agents(1).start().unwrap();
    let agents = cluster.get_json("/api/v1/agents").unwrap();
    let cores = agents[0]["total"]["cpus"].as_f64().unwrap();
    // A whole core each: the crowd is due what the lone task cannot use.
    let of_crowd = Task::new(spin).mem(64 << 10).cpus("0.001".parse().unwrap());
    let alone = of_crowd.clone().cpu_millis(1000);
    let mut frameworks = vec![spinners(&cluster, "alone", &alone, 1)];
    for index in 0..TENANTS {
        let name = format!("crowd-{index}");
        frameworks.push(spinners(&cluster, &name, &of_crowd, TASKS_OF_EACH));
    }
    let runners = wait_for("thousand and one running tasks", || runners(&cluster));
    assert_eq!(runners.len(), TENANTS + 1, "{runners:?}");

    // One thread against ten for each core: the kernel alone would give it a tenth of what is due,
    // however busy the machine is. Other tests may take any part of the machine, but not always.
    let due = 1.0 / (cores - 1.0).max(1.0);
    let give_up = Instant::now() + Duration::from_secs(90);
    let mut seen = Vec::new();
    loop {
        let ticks = || -> BTreeMap<&str, u64> {
            runners
                .iter()
                .map(|(role, pid)| (role.as_str(), cpu_ticks(*pid)))
                .collect()
        };
        let before = ticks();
        thread::sleep(Duration::from_secs(1));
        let used: BTreeMap<&str, u64> = ticks()
            .into_iter()
            .map(|(role, ticks)| (role, ticks - before[role]))
            .collect();
        let alone = used["tests/alone"];
        let crowd = used.values().sum::<u64>() - alone;
        seen.push((alone, crowd));
        if alone as f64 >= 0.5 * due * crowd as f64 {
            break;
        }
        assert!(
            Instant::now() < give_up,
            "ticks of its own and of the crowd: {seen:?}"
        );
    }
    let figures = metrics(&cluster);
    assert!(
        figures.contains("stoker_agent_throttled_windows_total"),
        "{figures}"
    );
    for framework in frameworks {
        framework.shutdown_background();
    }
}

fn metrics(cluster: &DevCluster) -> String {
    let url = format!("{}/metrics", cluster.agents()[0].url);
    reqwest::blocking::get(url).unwrap().text().unwrap()
}

/// Reads the clock until two seconds have passed, and prints how many nanoseconds that took.
const TWO_SECONDS: &str = r#"
(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 0)))
    (i64.load (i32.const 0)))
  (func $digits (param $value i64) (result i32)
    (local $at i32)
    (local.set $at (i32.const 100))
    (loop $more
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48)
          (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
      (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
      (br_if $more (i64.ne (local.get $value) (i64.const 0))))
    (local.get $at))
  (func (export "_start") (local $began i64) (local $passed i64) (local $turns i32) (local $at i32)
    (local.set $began (call $now))
    (loop $more
      (local.set $turns (i32.const 200))
      (loop $turn
        (br_if $turn (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
      (local.set $passed (i64.sub (call $now) (local.get $began)))
      (br_if $more (i64.lt_u (local.get $passed) (i64.const 2000000000))))
    (local.set $at (call $digits (local.get $passed)))
    (i32.store (i32.const 8) (local.get $at))
    (i32.store (i32.const 12) (i32.sub (i32.const 100) (local.get $at)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))
"#;

#[test]
fn a_fuel_rate_is_kept_to_a_hundredth() {
    let module = module(TWO_SECONDS);
    let path = module.path().to_str().unwrap();
    // 20 million units a second, a small part of a core: also on a busy machine it can have that.
    // A guest that was kept from running at its very end has less, so the best of a few counts.
    let give_up = Instant::now() + Duration::from_secs(90);
    let mut seen = Vec::new();
    loop {
        let arguments = ["run", "--fuel", "20", "--cpus", "0.5", "-o", "json", path];
        let done = stoker(arguments).json();
        let fuel = done["fuel_used"].as_u64().unwrap();
        let nanos: u64 = done["stdout"].as_str().unwrap().parse().unwrap();
        // Millionths of what its rate comes to in the time that it saw pass.
        let allowed = u128::from(nanos) * 20_000_000 / 1_000_000_000;
        let part = u128::from(fuel) * 1_000_000 / allowed;
        assert!(part <= 1_010_000, "{part} millionths of its rate: {done}");
        seen.push(part);
        if part >= 990_000 {
            break;
        }
        assert!(Instant::now() < give_up, "millionths of its rate: {seen:?}");
    }
}

/// The part of a core that a spinning guest of a tenth of one gets in a second.
fn part_of_a_core(flags: &[&str]) -> f64 {
    let spin = guest("spin");
    let arguments = ["run", "--cpus", "0.1", "--timeout", "1s", "-o", "json"];
    let arguments = arguments.iter().chain(flags).copied();
    let done = stoker(arguments.chain([spin.to_str().unwrap()])).json();
    let seconds = |name: &str| done[name].as_f64().unwrap();
    seconds("cpu_seconds") / seconds("wall_seconds")
}

#[test]
fn idle_cores_are_lent_to_whoever_is_not_strict() {
    // A turn may be booked that began before its ceiling was reached.
    let strict = part_of_a_core(&["--strict"]);
    assert!(strict < 0.12, "{strict}");
    // Other tests may have all cores, but not always.
    let give_up = Instant::now() + Duration::from_secs(90);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|part| *part < 0.15) {
        assert!(Instant::now() < give_up, "parts of a core: {seen:?}");
        seen.push(part_of_a_core(&[]));
    }
}

#[test]
fn calibrating_says_what_may_be_sold() {
    let done = stoker(["agent", "calibrate", "--time", "100ms", "-o", "json"]);
    let measured = done.json();
    let kernels = measured["kernels"].as_array().unwrap();
    assert_eq!(kernels.len(), 4, "{measured}");
    let rates = kernels
        .iter()
        .map(|kernel| kernel["mfuel_per_second"].as_u64().unwrap());
    let lowest = rates.min().unwrap();
    assert!(lowest > 0, "{measured}");
    let cores = measured["cores"].as_u64().unwrap();
    let sold = format!("cpus={cores};fuel={}", lowest * cores);
    assert_eq!(measured["resources"], sold.as_str());
    assert!(done.stderr.contains("4 of 4: calls"), "{}", done.stderr);
}
