//! The blob store of a master of its own: what it collects, and what it does when it is full.

use std::process::Command;

use stoker_sdk_testing::DevCluster;

use crate::harness::{Done, Running, guest, module, run_with_master, stoker_binary, wait_for};

/// `stoker ARGUMENTS`, under way on a cluster.
fn start(cluster: &DevCluster, arguments: &[&str]) -> Running {
    let mut command = Command::new(stoker_binary());
    command
        .env("STOKER_MASTER", cluster.master())
        .args(arguments);
    Running::start(command)
}

fn stoker(cluster: &DevCluster, arguments: &[&str]) -> Done {
    run_with_master(cluster.master(), arguments)
}

fn running_task(cluster: &DevCluster) -> String {
    wait_for("running task", || {
        let tasks = cluster.get_json("/api/v1/tasks?state=TASK_RUNNING").ok()?;
        Some(tasks.as_array()?.first()?["id"].as_str()?.to_owned())
    })
}

fn metric(cluster: &DevCluster, name: &str) -> u64 {
    let (_, page) = cluster.get("/metrics").unwrap();
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

fn wait_for_blobs(cluster: &DevCluster, count: u64) {
    wait_for("collection", || {
        (metric(cluster, "stoker_master_blobs") == count).then_some(())
    });
}

#[test]
fn what_was_run_once_is_collected_and_what_runs_or_was_pushed_stays() {
    let cluster = DevCluster::builder()
        .env("STOKER_MASTER_BLOB_RETENTION", "1s")
        .env("STOKER_MASTER_BLOB_COLLECTION_INTERVAL", "100ms")
        .env("STOKER_MASTER_REREGISTER_TIMEOUT", "1s")
        .start()
        .unwrap();
    let pushed = module(r#"(module (func (export "_start")) (@custom "mine" "kept"))"#);
    let pushed_path = pushed.path().to_str().unwrap();
    // Run first, pushed later: that makes it a module.
    assert_eq!(stoker(&cluster, &["run", pushed_path]).code, Some(0));
    let reference = stoker(&cluster, &["module", "push", pushed_path]).stdout;
    let sleep = guest("sleep");
    let task = start(&cluster, &["run", sleep.to_str().unwrap(), "--", "600000"]);
    let id = running_task(&cluster);
    let hello = guest("hello");
    let hello = hello.to_str().unwrap();
    assert_eq!(stoker(&cluster, &["run", hello]).code, Some(0));
    // The pushed module and that of the task that runs.
    wait_for_blobs(&cluster, 2);
    assert_eq!(metric(&cluster, "stoker_master_blobs_collected_total"), 1);
    // What is gone is uploaded again, and runs.
    assert_eq!(stoker(&cluster, &["run", hello]).code, Some(0));
    wait_for_blobs(&cluster, 2);
    assert_eq!(stoker(&cluster, &["task", "kill", &id]).code, Some(0));
    assert_eq!(task.wait().code, Some(137));
    wait_for_blobs(&cluster, 1);
    let listed = stoker(&cluster, &["module", "list", "-o", "json"]).json();
    assert_eq!(listed[0]["reference"], reference.trim(), "{listed}");
    assert_eq!(metric(&cluster, "stoker_master_blobs_collected_total"), 3);
}

#[test]
fn a_full_store_refuses_uploads_with_its_limit_and_what_runs_goes_on() {
    let sleep = guest("sleep");
    let size = std::fs::metadata(&sleep).unwrap().len() + 10_000;
    let cluster = DevCluster::builder()
        .env("STOKER_MASTER_BLOB_CAPACITY", size.to_string())
        .env("STOKER_MASTER_MAX_BLOB_SIZE", size.to_string())
        .start()
        .unwrap();
    let task = start(&cluster, &["run", sleep.to_str().unwrap(), "--", "5000"]);
    running_task(&cluster);
    let ballast = "x".repeat(20_000);
    let big = module(&format!(
        r#"(module (func (export "_start")) (@custom "b" "{ballast}"))"#
    ));
    let big = big.path().to_str().unwrap();
    let words = [
        "the blob store is full",
        "(blob_capacity)",
        "stoker module rm",
    ];
    stoker(&cluster, &["module", "push", big]).assert_refused(1, &words);
    stoker(&cluster, &["run", big]).assert_refused(126, &words);
    let done = task.wait();
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "slept 5000 ms\n"),
        "{done:?}"
    );
    // What still fits is taken.
    let small = module(r#"(module (func (export "_start")))"#);
    assert_eq!(
        stoker(&cluster, &["run", small.path().to_str().unwrap()]).code,
        Some(0)
    );
}
