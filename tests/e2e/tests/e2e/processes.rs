//! Which process does what: guests run in runners, and nowhere else.

use std::process::{Command, Stdio};

use crate::harness::{
    descendants, get, guest, shared_cluster, shared_master, stoker, stoker_binary, wait_for,
};

#[test]
fn guests_run_in_runner_processes_only_and_the_agent_lists_them() {
    let mut task = Command::new(stoker_binary())
        .env("STOKER_MASTER", shared_master())
        .args(["run", "--name", "burner"])
        .arg(guest("spin"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let agent_id = wait_for("running task", || {
        let tasks = get("/api/v1/tasks?state=TASK_RUNNING");
        let task = tasks
            .as_array()?
            .iter()
            .find(|task| task["name"] == "burner")?
            .clone();
        Some(task["agent_id"].as_str()?.to_owned())
    });
    let runner = wait_for("listed runner", || {
        let agent = stoker(["agent", "show", &agent_id, "-o", "json"]).json();
        let runners = agent["runners"].as_array()?.clone();
        runners.into_iter().find(|runner| runner["tasks"] == 1)
    });
    assert!(
        runner["framework_id"]
            .as_str()
            .unwrap()
            .starts_with("framework-"),
        "{runner}"
    );
    assert_eq!(runner["role"], "default");
    let runner = u32::try_from(runner["pid"].as_u64().unwrap()).unwrap();
    let command_line = std::fs::read_to_string(format!("/proc/{runner}/cmdline")).unwrap();
    assert!(
        command_line.starts_with("stoker\0runner\0"),
        "{command_line:?}"
    );
    let environment = std::fs::read(format!("/proc/{runner}/environ")).unwrap();
    assert!(
        !String::from_utf8_lossy(&environment).contains("PATH="),
        "it is cleared"
    );
    is_confined(runner);
    let agent = stoker(["agent", "show", &agent_id, "-o", "json"]).json();
    assert_eq!(agent["hardening"]["seccomp"], true, "{agent}");
    assert!(agent["hardening"]["landlock"].is_u64(), "{agent}");
    // Code that was compiled from Wasm is executable and belongs to no program or library: a
    // runner has such mappings, the daemons have none.
    assert!(has_compiled_code(runner));
    let daemons: Vec<_> = descendants(shared_cluster().pid())
        .into_iter()
        .filter(|(_, line)| line.contains("stoker start "))
        .collect();
    assert_eq!(daemons.len(), 3, "a master and two agents: {daemons:?}");
    for (pid, line) in daemons {
        assert!(!has_compiled_code(pid), "{line}");
    }
    task.kill().unwrap();
    task.wait().unwrap();
}

/// It may gain no privileges, its calls are filtered, and it has no file but its log, those of
/// its tasks, and what they were handed.
fn is_confined(runner: u32) {
    let status = std::fs::read_to_string(format!("/proc/{runner}/status")).unwrap();
    for line in ["NoNewPrivs:\t1\n", "Seccomp:\t2\n"] {
        assert!(status.contains(line), "no {line:?} in {status}");
    }
    for entry in std::fs::read_dir(format!("/proc/{runner}/fd")).unwrap() {
        let path = entry.unwrap().path();
        // One that is closed meanwhile is none of those that it was born with.
        let Ok(target) = std::fs::read_link(&path) else {
            continue;
        };
        let target = target.to_string_lossy();
        let is_expected = match path.file_name().unwrap().to_str().unwrap() {
            "0" | "1" => target == "/dev/null",
            "2" => target.contains("/logs/runner-"),
            _ => {
                let kinds = ["socket:", "anon_inode:", "/proc/"];
                kinds.iter().any(|kind| target.starts_with(kind))
                    || target.contains("/artifacts/files/")
                    || target.contains("/sandboxes/framework-")
            }
        };
        assert!(is_expected, "{} is {target}", path.display());
    }
}

fn has_compiled_code(pid: u32) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    maps.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_executable = fields[1].contains('x');
        let of = fields.get(5).copied().unwrap_or_default();
        is_executable && !of.starts_with("[v") && !of.contains(".so") && !of.ends_with("/stoker")
    })
}

#[test]
fn a_run_that_is_killed_takes_its_task_along() {
    let mut task = Command::new(stoker_binary())
        .env("STOKER_MASTER", shared_master())
        .args(["run", "--name", "abandoned"])
        .arg(guest("spin"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let find = |state: &str| {
        let tasks = get("/api/v1/tasks");
        let mut tasks = tasks.as_array()?.clone().into_iter();
        tasks.find(|task| task["name"] == "abandoned" && task["state"] == state)
    };
    wait_for("running task", || find("TASK_RUNNING"));
    task.kill().unwrap();
    task.wait().unwrap();
    let killed = wait_for("killed task", || find("TASK_KILLED"));
    assert_eq!(killed["reason"], "FRAMEWORK_REMOVED", "{killed}");
}
