//! The scheduler against a scripted master: no network, no clock, no chance.

use stoker_sdk_scheduler::{FrameworkInfo, Role, core::Settings};
use stoker_sdk_testing::ScriptedMaster;

use super::*;

/// A farm for these words, which begins with the notes in this folder.
fn farm(folder: &tempfile::TempDir, words: &[&str]) -> Farm {
    let template = Task::new("file:/primes.wasm".parse().unwrap()).cpu_millis(100);
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    let (notes, memory) = Notes::open(&folder.path().join("notes")).unwrap();
    Farm::new(template, words, notes, memory)
}

fn expect_torn_down(master: &mut ScriptedMaster<Farm>) {
    assert_eq!(master.expect_call("a teardown").call.verb(), "teardown");
    master.expect_stopped();
}

#[test]
fn what_does_not_fit_waits_for_the_next_offer() {
    let folder = tempfile::tempdir().unwrap();
    let mut master = ScriptedMaster::new(farm(&folder, &["10", "20", "30"]));
    master.offers(&["cpus=0.2;mem=1GiB", "cpus=0.05;mem=1GiB"]);
    let first = master.expect_launch();
    let arguments: Vec<&String> = first
        .tasks
        .iter()
        .flat_map(|task| &task.arguments)
        .collect();
    assert_eq!(arguments, ["10", "20"]);
    master.expect_decline(); // The second offer is too small for anything.
    master.expect_nothing();

    master.update(&first.tasks[0].id, TaskState::Running);
    master.update(&first.tasks[0].id, TaskState::Finished);
    master.offer("cpus=0.1;mem=1GiB");
    let second = master.expect_launch();
    master.expect_suppress(); // Nothing waits any more.
    master.update(&first.tasks[1].id, TaskState::Finished);
    master.update(&second.tasks[0].id, TaskState::Failed);
    expect_torn_down(&mut master);
    assert_eq!(master.scheduler().finished().len(), 2);
    assert!(master.scheduler().failed().contains("30"));
}

#[test]
fn a_lost_task_is_launched_again_as_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut master = ScriptedMaster::new(farm(&folder, &["10"]));
    master.offer("cpus=1;mem=1GiB");
    let first = master.expect_launch();
    master.expect_suppress();
    master.update(&first.tasks[0].id, TaskState::Running);
    master.update(&first.tasks[0].id, TaskState::Gone);
    master.expect_revive();
    master.offer("cpus=1;mem=1GiB");
    let second = master.expect_launch();
    master.expect_suppress();
    assert_ne!(second.tasks[0].id, first.tasks[0].id);
    master.update(&second.tasks[0].id, TaskState::Finished);
    expect_torn_down(&mut master);
}

#[test]
fn a_second_life_goes_on_where_the_first_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["10", "20", "30"];
    let mut first_life = ScriptedMaster::new(farm(&folder, &words));
    first_life.offer("cpus=0.3;mem=1GiB");
    let launch = first_life.expect_launch();
    let [ten, twenty, thirty] = [0, 1, 2].map(|number| &launch.tasks[number].id);
    first_life.update(ten, TaskState::Finished);
    drop(first_life);

    let settings = Settings {
        framework: FrameworkInfo {
            name: "farm".to_owned(),
            principal: String::new(),
            roles: vec![Role::default()],
            failover_timeout: FrameworkInfo::DEFAULT_FAILOVER_TIMEOUT,
        },
        framework_id: Notes::open(&folder.path().join("notes"))
            .unwrap()
            .1
            .framework_id,
        wait: None,
        seed: 2,
    };
    let mut master = ScriptedMaster::with_settings(farm(&folder, &words), settings);
    master.offer("cpus=1;mem=1GiB");
    master.expect_decline(); // All three were launched before,
    master.expect_suppress();
    master.answer(twenty, TaskState::Running); // one of them runs on,
    master.expect_nothing();
    master.answer(thirty, TaskState::Unknown); // and one had never left.
    master.expect_revive();
    master.offer("cpus=1;mem=1GiB");
    let launch = master.expect_launch();
    master.expect_suppress();
    assert_eq!(launch.tasks[0].arguments, ["30"]);
    master.update(twenty, TaskState::Finished);
    master.update(&launch.tasks[0].id, TaskState::Finished);
    expect_torn_down(&mut master);
    assert_eq!(master.scheduler().finished().len(), 3);
}
