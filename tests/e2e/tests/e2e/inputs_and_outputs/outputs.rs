//! What a task leaves: all of it or nothing, whoever dies meanwhile.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use stoker_sdk_scheduler::{
    Reason, Task, TaskState,
    artifacts::{ArtifactKind, Artifacts},
};
use stoker_sdk_testing::DevCluster;

use super::{DISK, run, run_at, task};
use crate::harness::{command_lines, module, run_with_master, wait_for};

#[tokio::test]
async fn an_output_that_is_not_there_fails_the_task_and_a_task_that_fails_leaves_none() {
    let missing = task("hello")
        .args(["--write", "there"])
        .output("there")
        .output("none/such");
    let end = run(missing).await;
    assert_eq!(
        (end.state, end.reason),
        (TaskState::Failed, Some(Reason::OutputMissing))
    );
    assert!(
        end.message.contains("\"none/such\" is not there"),
        "{end:?}"
    );
    assert_eq!((end.exit_code, end.outputs.len()), (Some(0), 0));

    let failing = task("hello")
        .args(["--write", "there", "--exit", "3"])
        .output("there");
    let end = run(failing).await;
    assert_eq!(
        (end.state, end.reason),
        (TaskState::Failed, Some(Reason::ExitCode))
    );
    assert_eq!(end.outputs.len(), 0);
}

#[tokio::test]
async fn a_link_that_a_guest_makes_is_no_output() {
    let guest = module(
        r#"(module
            (import "wasi_snapshot_preview1" "path_symlink"
                (func $link (param i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_create_directory"
                (func $folder (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "../stdout") (data (i32.const 16) "out") (data (i32.const 32) "folder/link")
            (func (export "_start")
                (drop (call $folder (i32.const 3) (i32.const 32) (i32.const 6)))
                (drop (call $link (i32.const 0) (i32.const 9) (i32.const 3) (i32.const 16) (i32.const 3)))
                (call $exit (call $link
                    (i32.const 0) (i32.const 9) (i32.const 3) (i32.const 32) (i32.const 11)))))"#,
    );
    for (output, reason, word) in [
        ("out", Reason::OutputMissing, "is a link"),
        (
            "out/inner",
            Reason::OutputMissing,
            "a part of its path is a link",
        ),
        ("folder", Reason::OutputRefused, "\"link\""),
    ] {
        let reference = format!("file:{}", guest.path().display());
        let task = Task::new(reference.parse().unwrap())
            .mem_mib(1)
            .disk(DISK)
            .output(output);
        let end = run(task).await;
        assert_eq!(
            (end.state, end.reason),
            (TaskState::Failed, Some(reason)),
            "{end:?}"
        );
        assert!(end.message.contains(word), "{end:?}");
    }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// The only process of this command in a cluster.
fn process(cluster: &DevCluster, command: &str) -> Option<u32> {
    command_lines(command, cluster.pid())
        .first()
        .map(|(pid, _)| *pid)
}

/// Whether a file of this name is somewhere in a folder.
fn is_there(folder: &Path, name: &str) -> bool {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_str() == Some(name) || is_there(&entry.path(), name))
}

/// The agent daemon is killed while the master does not answer: its successor uploads what the task
/// has left, and the task has run once.
#[tokio::test(flavor = "multi_thread")]
async fn outputs_outlive_the_daemon_and_a_silent_master() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = DevCluster::builder()
        .agents(1)
        .data(folder.path())
        .start()
        .unwrap();
    let wait = Duration::from_secs(30);
    let store = Artifacts::connect(&[cluster.master()], wait).await.unwrap();
    let words = store
        .upload_bytes("", &[7; 300_000], ArtifactKind::Blob)
        .await
        .unwrap();
    let task = task("copy")
        .args(["in/words", "out/words"])
        .input(words.digest, "in/words")
        .output("out");
    let address = cluster.master().to_owned();
    let running = tokio::spawn(async move { run_at(&address, task).await });
    let sandboxes = folder.path().join("agent-1/sandboxes");
    let master = process(&cluster, "stoker start master").unwrap();
    let daemon = process(&cluster, "stoker start agent").unwrap();
    wait_for("launch", || is_there(&sandboxes, "words").then_some(()));
    signal(master, Signal::STOP);
    wait_for("output", || is_there(&sandboxes, "out").then_some(()));
    signal(daemon, Signal::KILL);
    wait_for("new daemon", || {
        process(&cluster, "stoker start agent").filter(|now| *now != daemon)
    });
    signal(master, Signal::CONT);
    let updates = running.await.unwrap();
    let end = updates.last().unwrap();
    assert_eq!(end.state, TaskState::Finished, "{updates:?}");
    assert_eq!(
        (end.outputs.len(), end.outputs[0].path.as_str()),
        (1, "out")
    );
    let listed = run_with_master(cluster.master(), ["task", "list", "-o", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    // What it could only read is gone with it; what it left stays for a while.
    wait_for("tidy sandbox", || {
        (!is_there(&sandboxes, "inputs")).then_some(())
    });
    assert!(is_there(&sandboxes, "out"));
}
