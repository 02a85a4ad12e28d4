//! Schedulers on the SDK against a real cluster, the smallest example among them.

use std::{collections::VecDeque, process::Command};

use stoker_sdk_scheduler::{
    Calls, Driver, FrameworkInfo, Offer, Scheduler, StatusUpdate, Task, TaskState, Timestamp,
    take_fitting,
};

use crate::harness::{guest, run, shared_master};

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

#[tokio::test]
async fn a_burst_of_tasks_all_finish() {
    let total = 100;
    let module = format!("file:{}", guest("hello").display());
    let task = Task::new(module.parse().unwrap()).cpu_millis(10).mem_mib(8);
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
        .master(shared_master())
        .framework(framework)
        .build()
        .unwrap();
    let burst = driver.run().await.unwrap();
    assert_eq!(burst.ended, vec![TaskState::Finished; total]);
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
