//! Schedulers on the SDK against a real cluster, the smallest example among them.

use std::{collections::VecDeque, process::Command, thread};

use stoker_sdk_scheduler::{
    Calls, Driver, FrameworkInfo, Offer, Scheduler, StatusUpdate, Task, TaskState, Timestamp,
    take_fitting,
};
use stoker_sdk_testing::DevCluster;

use crate::harness::{busy_runners, guest, run, shared_master, wait_for};

/// Launches a number of tasks, as they fit, and notes what becomes of them.
#[derive(Debug)]
struct Burst {
    waiting: VecDeque<Task>,
    ended: Vec<TaskState>,
    total: usize,
}

impl Scheduler for Burst {
    type Command = std::convert::Infallible;

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let tasks = take_fitting(&offer.resources, &mut self.waiting);
            calls.accept_for([offer.id], tasks, std::time::Duration::ZERO);
        }
        if self.waiting.is_empty() {
            calls.suppress();
        }
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        if update.state.is_terminal() {
            self.ended.push(update.state);
        }
        if self.ended.len() == self.total {
            calls.stop();
        }
    }
}

/// Runs so many copies of a task on a cluster.
async fn run_burst(master: &str, task: Task, total: usize) -> Burst {
    let burst = Burst {
        waiting: vec![task; total].into(),
        ended: Vec::new(),
        total,
    };
    let framework = FrameworkInfo {
        name: "burst".to_owned(),
        principal: String::new(),
        roles: vec!["tests/burst".parse().unwrap()],
        failover_timeout: std::time::Duration::ZERO,
    };
    let driver = Driver::builder(burst)
        .master(master)
        .framework(framework)
        .build()
        .unwrap();
    driver.run().await.unwrap()
}

fn task(name: &str) -> Task {
    let module = format!("file:{}", guest(name).display());
    Task::new(module.parse().unwrap()).cpu_millis(10).mem_mib(8)
}

#[tokio::test]
async fn a_burst_of_tasks_all_finish() {
    let burst = run_burst(shared_master(), task("hello"), 100).await;
    assert_eq!(burst.ended, vec![TaskState::Finished; 100]);
}

#[test]
fn a_framework_with_more_tasks_than_a_runner_holds_has_more_runners() {
    let cluster = DevCluster::builder()
        .env("STOKER_AGENT_TASKS_PER_RUNNER", "2")
        .start()
        .unwrap();
    let lasting = task("chatter").args(["2", "2000"]);
    let burst = thread::scope(|scope| {
        let burst = scope.spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(run_burst(cluster.master(), lasting, 10))
        });
        wait_for("five runners with two tasks each", || {
            (busy_runners(&cluster).len() == 5).then_some(())
        });
        burst.join().unwrap()
    });
    assert_eq!(burst.ended, [TaskState::Finished; 10]);
}

#[test]
fn a_small_node_runs_fifty_tasks_of_16_mib_in_4_gib_of_address_space() {
    const TASKS: usize = 50;
    let cluster = DevCluster::builder()
        .agents(1)
        .address_space_kib(4 << 20)
        .start()
        .unwrap();
    let lasting = task("chatter").mem_mib(16).args(["2", "3000"]);
    let burst = thread::scope(|scope| {
        let burst = scope.spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(run_burst(cluster.master(), lasting, TASKS))
        });
        wait_for("all of them to run at once", || {
            let running = cluster.get_json("/api/v1/tasks?state=TASK_RUNNING").ok()?;
            (running.as_array()?.len() == TASKS).then_some(())
        });
        burst.join().unwrap()
    });
    assert_eq!(burst.ended, [TaskState::Finished; TASKS]);
}

#[test]
fn the_smallest_example_runs_a_task() {
    let example = stoker_sdk_testing::example_binary("stoker-examples-hello").unwrap();
    let mut command = Command::new(example);
    command
        .args(["--master", shared_master(), "--module"])
        .arg(guest("hello"));
    let done = run(command);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("TASK_FINISHED"), "{done:?}");
}
