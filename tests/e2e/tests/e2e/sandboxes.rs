//! What an agent keeps of its tasks, and for how long: the end of a long log, and sandboxes.

use stoker_sdk_testing::DevCluster;

use crate::{
    harness::{run_with_master, wait_for},
    inputs_and_outputs::{run_at, task},
};

/// What the agents here keep of a task's output.
const KEPT_BYTES: usize = 64 << 10;

/// What `chatter` prints.
fn lines(count: usize) -> String {
    (1..=count)
        .map(|number| format!("line {number} of {count}\n"))
        .collect()
}

/// The number in `… N bytes lost`.
fn lost(stderr: &str) -> usize {
    let note = stderr.lines().find(|line| line.ends_with(" bytes lost"));
    let words: Vec<&str> = note.unwrap().split(' ').collect();
    words[words.len() - 3].parse().unwrap()
}

#[tokio::test]
async fn a_long_log_keeps_its_end_and_a_reader_is_told_what_is_gone() {
    let cluster = DevCluster::builder()
        .env("STOKER_AGENT_LIMITS", "output_kept=64KiB")
        .start()
        .unwrap();
    let all = lines(20_000);
    let updates = run_at(cluster.master(), task("chatter").args(["20000", "0"])).await;
    let end = updates.last().unwrap();
    assert_eq!(end.exit_code, Some(0), "{end:?}");
    let id = end.task.task_id.as_str();

    let logs = run_with_master(cluster.master(), ["task", "logs", id]);
    assert_eq!(logs.code, Some(0), "{logs:?}");
    let gone = lost(&logs.stderr);
    assert_eq!(logs.stdout, all[gone..]);
    assert!(logs.stdout.len() <= KEPT_BYTES, "{}", logs.stdout.len());
    assert!(logs.stdout.len() >= KEPT_BYTES / 2, "{}", logs.stdout.len());

    // Places are counted from the first byte that the task ever wrote.
    let place = gone + 1000;
    let offset = place.to_string();
    let tail = run_with_master(cluster.master(), ["task", "logs", "--offset", &offset, id]);
    assert_eq!(
        (tail.stdout.as_str(), tail.stderr.as_str()),
        (&all[place..], "")
    );
    let files = run_with_master(cluster.master(), ["task", "files", "-o", "json", id]).json();
    assert_eq!(files[0]["path"], "stdout");
    assert_eq!(files[0]["size"], logs.stdout.len());
}

#[tokio::test]
async fn a_reader_that_follows_gets_what_it_was_in_time_for() {
    let cluster = DevCluster::builder()
        .env("STOKER_AGENT_LIMITS", "output_kept=64KiB")
        .start()
        .unwrap();
    // Slow enough that a reader keeps up: nothing of it is lost, over a dozen rotations.
    let all = lines(6000);
    let master = cluster.master().to_owned();
    let follower = std::thread::spawn({
        let master = master.clone();
        move || {
            let id = wait_for("running task", || {
                let tasks = run_with_master(&master, ["task", "list", "-o", "json"]).json();
                Some(tasks[0]["id"].as_str()?.to_owned())
            });
            run_with_master(&master, ["task", "logs", "-f", &id])
        }
    });
    let updates = run_at(&master, task("chatter").args(["6000", "1"])).await;
    assert_eq!(updates.last().unwrap().exit_code, Some(0));
    let logs = follower.join().unwrap();
    assert_eq!(logs.code, Some(0), "{logs:?}");
    // On a machine that is so busy that it falls behind it is told so, and goes on.
    let fell_behind = logs.stderr.contains(" bytes lost");
    assert!(fell_behind || logs.stdout == all, "{}", logs.stderr);
    assert!(logs.stdout.ends_with("\nline 6000 of 6000\n"));
}

#[tokio::test]
async fn a_sandbox_is_kept_for_its_time_and_then_its_readers_are_told() {
    let cluster = DevCluster::builder()
        .env("STOKER_AGENT_SANDBOX_RETENTION", "5s")
        .start()
        .unwrap();
    let run = |arguments: &[&str]| run_with_master(cluster.master(), arguments.iter().copied());
    let updates = run_at(cluster.master(), task("hello").args(["you"])).await;
    let id = updates.last().unwrap().task.task_id.as_str();
    let logs = wait_for("removed sandbox", || {
        let logs = run(&["task", "logs", id]);
        // As long as it is there, all of it is.
        (logs.code != Some(0) || !logs.stdout.starts_with("hello")).then_some(logs)
    });
    logs.assert_refused(1, &["was removed", "5s", "sandbox_retention"]);
    run(&["task", "files", id]).assert_refused(1, &["was removed", "5s"]);

    // One that lives for longer than that is whole all the time, and when it has just ended.
    let chatter = task("chatter").args(["70", "100"]);
    let updates = run_at(cluster.master(), chatter).await;
    let id = updates.last().unwrap().task.task_id.as_str();
    let logs = run(&["task", "logs", id]);
    assert_eq!(
        (logs.code, logs.stdout),
        (Some(0), lines(70)),
        "{}",
        logs.stderr
    );
}
