//! What is refused before anything of a task runs, by the master and by the agent.

use stoker_sdk_scheduler::{Digest, Reason, Task, TaskState};
use tar::EntryType;

use super::{DISK, FILE, run_at, tar_of, task, upload};
use crate::harness::shared_master;

/// A task that is refused before anything of it runs.
async fn refused(task: Task, reason: Reason, words: &[&str]) {
    let updates = run_at(shared_master(), task).await;
    let end = updates.last().unwrap();
    assert_eq!(
        (end.state, end.reason),
        (TaskState::Error, Some(reason)),
        "{end:?}"
    );
    for word in words {
        assert!(end.message.contains(word), "{word}: {end:?}");
    }
    assert!(
        updates
            .iter()
            .all(|update| update.state != TaskState::Running)
    );
}

#[tokio::test]
async fn a_description_that_cannot_be_is_refused_by_the_master() {
    let blob = Digest::of(b"never uploaded");
    let task = || task("hello");
    for (task, words) in [
        (task().output("../out"), ["\"../out\"", "relative path"]),
        (
            task().output("/etc/passwd"),
            ["\"/etc/passwd\"", "relative path"],
        ),
        (
            task().output("a/../../b"),
            ["\"a/../../b\"", "relative path"],
        ),
        (
            task().writable_input(blob, "a\0b"),
            ["no path", "relative path"],
        ),
        (
            task().output("a").output("a/b"),
            ["\"a\" and \"a/b\"", "lie in the other"],
        ),
        (
            task().input(blob, "words.txt"),
            ["must lie in a folder", "\"in/words.txt\""],
        ),
        (
            task().input(blob, "in/a").output("in/b"),
            ["\"in/b\" lies in \"in\"", "another folder"],
        ),
        (
            task().output("out").disk(0),
            ["some disk", "inputs or outputs"],
        ),
    ] {
        refused(task, Reason::TaskInvalid, &words).await;
    }
}

#[tokio::test]
async fn an_input_that_is_not_there_or_is_no_tar_is_refused_by_the_agent() {
    let never = Digest::of(b"never uploaded");
    let words = ["\"in/x\"", &never.to_string(), "upload it"];
    refused(
        task("hello").input(never, "in/x"),
        Reason::InputNotFound,
        &words,
    )
    .await;
    let many: Vec<String> = (0..100_001).map(|number| format!("f{number}")).collect();
    let many: Vec<_> = many
        .iter()
        .map(|name| (FILE, name.as_str(), &b""[..]))
        .collect();
    for (tar, word) in [
        (
            tar_of(&[(EntryType::Symlink, "evil", b"")]),
            "\"evil\" is a symbolic link",
        ),
        (
            tar_of(&[(EntryType::Link, "evil", b"")]),
            "\"evil\" is a hard link",
        ),
        (
            tar_of(&[(EntryType::Char, "null", b"")]),
            "\"null\" is a device",
        ),
        (tar_of(&[(FILE, "/etc/cron.d/evil", b"")]), "absolute"),
        (
            tar_of(&[(FILE, "a/../../evil", b"")]),
            "\"a/../../evil\" leads out",
        ),
        (tar_of(&many), "more than 100000"),
        (
            tar_of(&[(FILE, "large", &[0; (4 << 20) + 1])]),
            "4198400 bytes, in blocks of 4096",
        ),
        (b"no tar".to_vec(), "no tar"),
    ] {
        let blob = upload(&tar).await;
        let task = task("hello").input_directory(blob, "data");
        // So many files take a block each, and it is their number that is to be refused.
        let task = task.disk(if tar.len() > 100_000 * 512 {
            1 << 30
        } else {
            DISK
        });
        refused(task, Reason::InputInvalid, &["\"data\"", word]).await;
    }
}
