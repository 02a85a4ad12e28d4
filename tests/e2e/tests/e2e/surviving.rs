//! Parts of a cluster are killed with `kill -9` under a running workload: nothing is lost, nothing
//! runs twice, and output goes on. (Killing a scheduler is in `wordcount`.)

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use stoker_sdk_scheduler::{
    Calls, Driver, Offer, Outcome, Reason, Scheduler, StatusUpdate, Task, TaskId, TaskState,
    Timestamp,
};
use stoker_sdk_testing::DevCluster;

use crate::harness::{command_lines, guest, kill_a_busy_runner, run_with_master, signal};

/// The lines that each task writes, and how long it takes for each.
const LINES: u32 = 10;
const LINE_EVERY_MS: u32 = 60;

/// Runs a number of tasks that write lines, again if one was lost, and keeps the story of each.
#[derive(Debug, Default)]
struct Workload {
    module: String,
    waiting: u32,
    stories: BTreeMap<TaskId, Vec<(TaskState, Option<Reason>)>>,
    finished: u32,
    wanted: u32,
}

impl Workload {
    fn of(wanted: u32) -> Self {
        let module = format!("file:{}", guest("chatter").display());
        Self {
            module,
            waiting: wanted,
            wanted,
            ..Self::default()
        }
    }
}

impl Scheduler for Workload {
    type Command = std::convert::Infallible;

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            let room = offer.resources.cpus.thousandths() / 50;
            let count = self.waiting.min(u32::try_from(room).unwrap()).min(10);
            self.waiting -= count;
            let tasks = (0..count).map(|_| {
                Task::new(self.module.parse().unwrap())
                    .cpu_millis(50)
                    .mem_mib(8)
                    .args([LINES.to_string(), LINE_EVERY_MS.to_string()])
            });
            let ids = calls.accept_for([offer.id], tasks, Duration::ZERO);
            self.stories
                .extend(ids.into_iter().map(|id| (id, Vec::new())));
        }
        if self.waiting == 0 {
            calls.suppress();
        }
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        let story = self.stories.get_mut(&update.task.task_id).unwrap();
        story.push((update.state, update.reason));
        if !update.state.is_terminal() {
            return;
        }
        match Outcome::of(update) {
            Outcome::Succeeded => self.finished += 1,
            Outcome::Lost => {
                self.waiting += 1;
                calls.revive();
            }
            Outcome::Alive | Outcome::Failed | Outcome::Killed => panic!("{update:?}"),
        }
        if self.finished == self.wanted {
            calls.stop();
        }
    }
}

/// Runs the workload and calls `harm` while most of it is under way.
fn under_way(wanted: u32, harm: impl FnOnce(&DevCluster) + Send) -> (DevCluster, Workload) {
    let cluster = DevCluster::start().unwrap();
    let driver = Driver::builder(Workload::of(wanted))
        .master(cluster.master())
        .build()
        .unwrap();
    let workload = thread::scope(|scope| {
        let run = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                tokio::time::timeout(Duration::from_secs(90), driver.run()).await
            })
        });
        wait_until_running(&cluster, 4);
        harm(&cluster);
        run.join()
            .unwrap()
            .expect("it ends within 90 seconds")
            .unwrap()
    });
    (cluster, workload)
}

fn wait_until_running(cluster: &DevCluster, count: usize) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let tasks = cluster
            .get_json("/api/v1/tasks?state=TASK_RUNNING")
            .unwrap();
        if tasks.as_array().unwrap().len() >= count {
            return;
        }
        assert!(Instant::now() < end, "{count} tasks do not run: {tasks}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Every task has exactly one end, it is the last thing told of it, and one that finished has
/// written each of its lines once.
fn assert_nothing_lost_or_run_twice(cluster: &DevCluster, workload: &Workload) {
    assert_eq!(workload.finished, workload.wanted);
    for (id, story) in &workload.stories {
        let ends = story
            .iter()
            .filter(|(state, _)| state.is_terminal())
            .count();
        assert_eq!(ends, 1, "{id}: {story:?}");
        assert!(story.last().unwrap().0.is_terminal(), "{id}: {story:?}");
        if story.last().unwrap().0 == TaskState::Finished {
            let logs = run_with_master(cluster.master(), ["task", "logs", id.as_str()]);
            assert_eq!(logs.code, Some(0), "{logs:?}");
            let expected: Vec<String> = (1..=LINES)
                .map(|line| format!("line {line} of {LINES}"))
                .collect();
            assert_eq!(
                logs.stdout.lines().collect::<Vec<_>>(),
                expected,
                "{id}: {story:?}"
            );
        }
    }
}

fn reasons(workload: &Workload, reason: Reason) -> usize {
    let ends = workload.stories.values().filter_map(|story| story.last());
    ends.filter(|(_, why)| *why == Some(reason)).count()
}

#[test]
fn killing_a_runner_fails_its_tasks_with_a_reason_and_the_framework_runs_them_again() {
    let (cluster, workload) = under_way(40, |cluster| {
        kill_a_busy_runner(cluster);
    });
    assert!(
        reasons(&workload, Reason::RunnerLost) > 0,
        "{:?}",
        workload.stories
    );
    assert_nothing_lost_or_run_twice(&cluster, &workload);
}

#[test]
fn killing_an_agent_daemon_loses_nothing_a_new_one_takes_its_runners_over() {
    let (cluster, workload) = under_way(40, |cluster| {
        for agent in cluster.agents() {
            signal(agent.pid, Signal::KILL);
        }
    });
    assert_eq!(
        reasons(&workload, Reason::RunnerLost),
        0,
        "{:?}",
        workload.stories
    );
    assert_eq!(workload.stories.len(), 40, "none was launched again");
    assert_nothing_lost_or_run_twice(&cluster, &workload);
}

#[test]
fn killing_the_master_goes_unnoticed_by_tasks() {
    let (cluster, workload) = under_way(40, |cluster| {
        let (master, _) = command_lines("stoker start master", cluster.pid()).remove(0);
        signal(master, Signal::KILL);
    });
    assert_eq!(
        reasons(&workload, Reason::RunnerLost),
        0,
        "{:?}",
        workload.stories
    );
    assert_nothing_lost_or_run_twice(&cluster, &workload);
}

#[test]
fn killing_master_and_daemons_at_once_loses_nothing() {
    let (cluster, workload) = under_way(60, |cluster| {
        let (master, _) = command_lines("stoker start master", cluster.pid()).remove(0);
        signal(master, Signal::KILL);
        for agent in cluster.agents() {
            signal(agent.pid, Signal::KILL);
        }
    });
    assert_eq!(
        reasons(&workload, Reason::RunnerLost),
        0,
        "{:?}",
        workload.stories
    );
    assert_nothing_lost_or_run_twice(&cluster, &workload);
}
