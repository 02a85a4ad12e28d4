//! What a task finds in its sandbox, and what it can do to that.

use std::collections::BTreeMap;

use stoker_sdk_scheduler::{BlobForm, TaskState};
use tar::EntryType;

use super::{FILE, download, files_in, run, store, tar_of, task, upload};
use crate::harness::stoker;

#[tokio::test]
async fn inputs_come_as_they_are_and_outputs_go_back() {
    let text: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    let words = upload(&text).await;
    let data = tar_of(&[
        (EntryType::Directory, "./", b""),
        (FILE, "./a", b"a of the tar"),
        (FILE, "b/c/d", b"deep"),
    ]);
    let data = upload(&data).await;
    let note = upload(b"to be changed").await;
    let arguments = [
        "in/words",
        "out/words",
        "data",
        "out/data",
        "data/b",
        "mine",
        "own/note",
        "note",
    ];
    let task = task("copy")
        .name("passes data on")
        .args(arguments)
        .input(words, "in/words")
        .input_directory(data, "data")
        .writable_input(note, "own/note")
        .writable_input_directory(data, "own/data")
        .output("out")
        .output("mine")
        .output("note")
        .output("own/data/a");
    let end = run(task).await;
    assert_eq!(end.state, TaskState::Finished, "{end:?}");
    let [out, mine, note, a] = end.outputs.as_slice() else {
        panic!("{end:?}");
    };
    assert_eq!((out.path.as_str(), out.form), ("out", BlobForm::Tar));
    assert_eq!((note.path.as_str(), note.form), ("note", BlobForm::File));
    let files = files_in(&download(out).await);
    let expected = [
        ("data/a", &b"a of the tar"[..]),
        ("data/b/c/d", b"deep"),
        ("words", &text),
    ];
    let expected = expected.map(|(path, content)| (path.to_owned(), content.to_vec()));
    assert!(files == BTreeMap::from(expected), "{:?}", files.keys());
    assert_eq!(files_in(&download(mine).await)["c/d"], b"deep");
    assert_eq!(download(note).await, b"to be changed");
    assert_eq!(download(a).await, b"a of the tar");

    // An operator sees them, too; and what is an output is an input again.
    let shown = stoker(["task", "show", end.task.task_id.as_str(), "-o", "json"]).json();
    assert_eq!(shown["outputs"][0]["path"], "out");
    assert_eq!(shown["outputs"][0]["form"], "tar");
    assert_eq!(shown["outputs"][0]["digest"], out.digest.to_string());
    assert_eq!(shown["outputs"][2]["size"], 13);
    let shown = stoker(["task", "show", end.task.task_id.as_str()]).stdout;
    assert!(shown.contains(&format!("blob:{}", out.digest)), "{shown}");
    let again = super::task("copy")
        .args(["before/words", "words"])
        .input_directory(out.digest, "before")
        .output("words");
    let end = run(again).await;
    assert_eq!(end.outputs[0].digest, words, "{end:?}");
}

#[tokio::test]
async fn a_read_only_input_is_not_changed_by_whatever_path() {
    let blob = upload(b"as it is").await;
    for path in ["in/file", "./in/../in/file", "in/../in/file", "/in/file"] {
        let end = run(task("copy").args(["--spoil", path]).input(blob, "in/file")).await;
        assert_eq!(end.state, TaskState::Finished, "{path}: {end:?}");
    }
    let arguments = ["in/file", "out"];
    let end = run(task("copy")
        .args(arguments)
        .input(blob, "in/file")
        .output("out"))
    .await;
    assert_eq!(
        end.outputs[0].content.as_deref(),
        Some(&b"as it is"[..]),
        "{end:?}"
    );
    // The same file to write to is a copy of its own.
    let spoiled = task("copy")
        .args(["--spoil", "own/file"])
        .writable_input(blob, "own/file");
    assert_eq!(run(spoiled).await.exit_code, Some(1));
    let mut bytes = Vec::new();
    store()
        .await
        .download(blob, &mut bytes, |_, _| {})
        .await
        .unwrap();
    assert_eq!(bytes, b"as it is");
}
