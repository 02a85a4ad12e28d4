//! `stoker dev`: what it says, what it keeps, and that it leaves nothing running.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{descendants, guest, run, stoker_binary, wait_for};

/// A cluster of its own, for tests that harm it.
struct Dev {
    child: Child,
    ready: Value,
}

impl Dev {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            ready: serde_json::from_str(&line).unwrap(),
        }
    }

    fn command() -> Command {
        let mut command = Command::new(stoker_binary());
        command.args(["dev", "-o", "json", "--listen", "127.0.0.1:0"]);
        command
    }

    fn master(&self) -> &str {
        self.ready["master"].as_str().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn stoker(&self, arguments: &[&str]) -> crate::harness::Done {
        let mut command = Command::new(stoker_binary());
        command.env("STOKER_MASTER", self.master()).args(arguments);
        run(command)
    }

    /// Waits for the end, asserts that it came in time and that none of `processes` is left.
    fn assert_ends_cleanly(mut self, processes: &[(u32, String)]) {
        let start = Instant::now();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "it took {:?}",
            start.elapsed()
        );
        for (pid, command_line) in processes {
            assert!(!is_alive(*pid), "{pid} is left: {command_line}");
        }
    }
}

fn is_alive(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Starts a guest that never ends by itself, and waits until it runs.
fn with_a_running_task(dev: &Dev) -> Child {
    let task = Command::new(stoker_binary())
        .env("STOKER_MASTER", dev.master())
        .args(["run", "--name", "endless"])
        .arg(guest("spin"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("running task", || {
        let listed = dev.stoker(&["task", "list", "-o", "json", "--state", "TASK_RUNNING"]);
        (listed.json().as_array()?.len() == 1).then_some(())
    });
    task
}

#[test]
fn the_first_line_says_where_everything_is() {
    let dev = Dev::start(Dev::command().args(["--agents", "3"]));
    let agents = dev.ready["agents"].as_array().unwrap().clone();
    assert_eq!(agents.len(), 3);
    for agent in &agents {
        assert!(
            agent["id"].as_str().unwrap().starts_with("agent-"),
            "{agent}"
        );
        assert!(
            agent["url"]
                .as_str()
                .unwrap()
                .starts_with("http://127.0.0.1:"),
            "{agent}"
        );
        assert!(
            is_alive(u32::try_from(agent["pid"].as_u64().unwrap()).unwrap()),
            "{agent}"
        );
    }
    let listed = dev.stoker(&["agent", "list", "-o", "json"]).json();
    let cpus: f64 = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| agent["total"]["cpus"].as_f64().unwrap())
        .sum();
    let machine = std::thread::available_parallelism().unwrap().get();
    assert!(
        cpus <= f64::from(u32::try_from(machine).unwrap()),
        "{listed}"
    );
    let processes = descendants(dev.child.id());
    let daemons = processes
        .iter()
        .filter(|(_, line)| !line.contains("runner --spare"));
    assert_eq!(
        daemons.count(),
        4,
        "a master and three agents: {processes:?}"
    );
    dev.signal(Signal::TERM);
    dev.assert_ends_cleanly(&processes);
}

#[test]
fn sigterm_ends_everything_a_running_task_included() {
    let dev = Dev::start(&mut Dev::command());
    let mut task = with_a_running_task(&dev);
    let processes = descendants(dev.child.id());
    assert!(
        processes
            .iter()
            .any(|(_, line)| line.contains("stoker runner")),
        "{processes:?}"
    );
    dev.signal(Signal::TERM);
    dev.assert_ends_cleanly(&processes);
    task.kill().unwrap();
    task.wait().unwrap();
}

#[test]
fn an_interrupt_counts_also_where_it_was_ignored_at_the_start() {
    // A shell ignores SIGINT for what it starts in the background.
    let script = format!(
        "{} dev -o json --listen 127.0.0.1:0 & echo $! >&2; wait $!",
        stoker_binary().display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).stderr(Stdio::piped());
    let mut dev = Dev::start(&mut shell);
    let mut line = String::new();
    BufReader::new(dev.child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let pid: i32 = line.trim().parse().unwrap();
    let processes = descendants(dev.child.id());
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    dev.assert_ends_cleanly(&processes);
}

#[test]
fn the_parent_s_death_ends_everything() {
    let script = format!(
        "{} dev -o json --listen 127.0.0.1:0 & wait",
        stoker_binary().display()
    );
    let mut dev = Dev::start(Command::new("sh").args(["-c", &script]).process_group(0));
    let processes = descendants(dev.child.id());
    assert!(processes.len() >= 4, "{processes:?}");
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
    wait_for("end of all processes", || {
        processes
            .iter()
            .all(|(pid, _)| !is_alive(*pid))
            .then_some(())
    });
}

#[test]
fn a_daemon_that_dies_is_started_again_on_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(Dev::command().arg("--data").arg(folder.path()));
    let before = dev.ready["agents"][0].clone();
    let pid = i32::try_from(before["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    wait_for("agent that is back under its id", || {
        let agents = dev.stoker(&["agent", "list", "-o", "json"]).json();
        let again = descendants(dev.child.id());
        let is_new = again
            .iter()
            .filter(|(_, line)| line.contains("start agent"))
            .count()
            == 2
            && again
                .iter()
                .all(|(other, _)| i64::from(*other) != i64::from(pid));
        let is_back = agents
            .as_array()?
            .iter()
            .any(|agent| agent["id"] == before["id"] && agent["state"] == "active");
        (is_new && is_back).then_some(())
    });
    let master = descendants(dev.child.id())
        .into_iter()
        .find(|(_, line)| line.contains("start master"))
        .unwrap();
    kill_process(
        Pid::from_raw(i32::try_from(master.0).unwrap()).unwrap(),
        Signal::KILL,
    )
    .unwrap();
    wait_for("end of the master", || (!is_alive(master.0)).then_some(()));
    let hello = guest("hello");
    let done = dev.stoker(&["run", hello.to_str().unwrap(), "--", "again"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "hello again\n"),
        "{done:?}"
    );
    let processes = descendants(dev.child.id());
    dev.signal(Signal::TERM);
    dev.assert_ends_cleanly(&processes);
}

#[test]
fn state_is_kept_for_the_next_start_where_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "not stoker's").unwrap();
    let ids = |dev: &Dev| -> Vec<String> {
        let agents = dev.ready["agents"].as_array().unwrap();
        agents
            .iter()
            .map(|agent| agent["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = Dev::start(Dev::command().arg("--data").arg(folder.path()));
    let known = ids(&first);
    first.signal(Signal::TERM);
    first.assert_ends_cleanly(&[]);
    let second = Dev::start(Dev::command().arg("--data").arg(folder.path()));
    assert_eq!(ids(&second), known);
    second.signal(Signal::TERM);
    second.assert_ends_cleanly(&[]);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("mine")).unwrap(),
        "not stoker's"
    );
}
