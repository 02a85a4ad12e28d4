//! A task's output through the master: live, and after the end.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::harness::{Running, get, guest, shared_master, stoker, stoker_binary, wait_for};

/// The id of the running task of that name, as soon as there is one.
fn running_task(name: &str) -> String {
    wait_for("running task", || {
        let tasks = get("/api/v1/tasks?state=TASK_RUNNING");
        let task = tasks
            .as_array()?
            .iter()
            .find(|task| task["name"] == name)?
            .clone();
        Some(task["id"].as_str()?.to_owned())
    })
}

#[test]
fn logs_are_there_after_the_end_from_any_byte_on() {
    let hello = guest("hello");
    let run = [
        "run",
        "-o",
        "json",
        hello.to_str().unwrap(),
        "--",
        "--stderr",
        "oh no",
        "you",
    ];
    let id = stoker(run).json()["task_id"].as_str().unwrap().to_owned();
    let stdout = stoker(["task", "logs", &id]).stdout;
    assert!(stdout.starts_with("hello"), "{stdout}");
    assert_eq!(
        stoker(["task", "logs", "--offset", "6", &id]).stdout,
        stdout[6..]
    );
    assert!(
        stoker(["task", "logs", "--stderr", &id])
            .stdout
            .contains("oh no")
    );
    assert_eq!(
        stoker(["task", "logs", "--offset", "1000000", &id]).stdout,
        ""
    );
}

#[test]
fn logs_follow_a_task_while_it_runs_and_end_with_it() {
    let chatter = guest("chatter");
    let task = Running::stoker([
        "run",
        "--name",
        "chat",
        chatter.to_str().unwrap(),
        "--",
        "20",
        "50",
    ]);
    let id = running_task("chat");
    let start = Instant::now();
    let mut logs = Command::new(stoker_binary())
        .env("STOKER_MASTER", shared_master())
        .args(["task", "logs", "-f", &id])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(logs.stdout.take().unwrap()).lines();
    let mut times = Vec::new();
    for line in lines {
        assert!(!line.unwrap().is_empty());
        times.push(start.elapsed());
    }
    assert!(logs.wait().unwrap().success());
    assert_eq!(times.len(), 20);
    // Twenty lines at 50 ms: they came as they were written, not all at the end.
    assert!(
        times[19] - times[0] > Duration::from_millis(200),
        "{times:?}"
    );
    let done = task.wait();
    assert_eq!(
        (done.code, done.stdout.lines().count()),
        (Some(0), 20),
        "{done:?}"
    );
}

#[test]
fn a_kill_ends_a_task_and_its_run() {
    let spin = guest("spin");
    let task = Running::stoker([
        "run",
        "-o",
        "json",
        "--name",
        "to-kill",
        spin.to_str().unwrap(),
    ]);
    let id = running_task("to-kill");
    let killed = stoker(["task", "kill", &id]);
    assert_eq!(killed.code, Some(0), "{killed:?}");
    let done = task.wait();
    assert_eq!(done.code, Some(137), "{done:?}");
    assert_eq!(done.json()["state"], "TASK_KILLED");
    assert_eq!(done.json()["reason"], "KILLED_BY_OPERATOR");
    stoker(["task", "kill", &id]).assert_refused(1, &["TASK_KILLED"]);
}

#[test]
fn a_teardown_ends_a_framework_and_its_tasks() {
    let spin = guest("spin");
    let task = Running::stoker([
        "run",
        "-o",
        "json",
        "--name",
        "to-tear",
        spin.to_str().unwrap(),
    ]);
    let id = running_task("to-tear");
    let shown = stoker(["task", "show", &id, "-o", "json"]).json();
    let framework = shown["framework_id"].as_str().unwrap();
    assert_eq!(stoker(["framework", "teardown", framework]).code, Some(0));
    let done = task.wait();
    assert!(matches!(done.code, Some(1 | 137)), "{done:?}");
    wait_for("killed task", || {
        let shown = stoker(["task", "show", &id, "-o", "json"]).json();
        (shown["state"] == "TASK_KILLED").then_some(())
    });
}
