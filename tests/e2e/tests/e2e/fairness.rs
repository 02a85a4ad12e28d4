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

use crate::harness::{module, wait_for};

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
