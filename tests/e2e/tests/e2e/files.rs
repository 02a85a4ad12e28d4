//! A task's files through the master: listed and copied, live and after the end, and nothing else.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::harness::{Running, get, guest, module, shared_master, stoker, stoker_binary, wait_for};

/// A module that does what a sequence of WASI calls does, written as text.
#[derive(Default)]
struct Program {
    texts: Vec<u8>,
    body: String,
}

const TEXTS_AT: usize = 1024;

impl Program {
    /// Puts a text into the module's memory; its address and length as arguments.
    fn text(&mut self, text: &str) -> String {
        let at = TEXTS_AT + self.texts.len();
        self.texts.extend_from_slice(text.as_bytes());
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    fn call(mut self, function: &str, texts: &[&str]) -> Self {
        let arguments: Vec<String> = texts.iter().map(|text| self.text(text)).collect();
        self.body += &format!("(call ${function} {})\n", arguments.join(" "));
        self
    }

    /// The module; at its end it sleeps for an hour.
    fn build(self) -> tempfile::NamedTempFile {
        let texts: String = self
            .texts
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        module(&format!(
            r#"(module
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const {TEXTS_AT}) "{texts}")
  (func $check (param i32) (if (local.get 0) (then unreachable)))
  (func $folder (param i32 i32)
    (call $check (call $path_create_directory (i32.const 3) (local.get 0) (local.get 1))))
  (func $link (param i32 i32 i32 i32)
    (call $check (call $path_symlink (local.get 0) (local.get 1) (i32.const 3) (local.get 2)
      (local.get 3))))
  (func $write (param i32 i32 i32)
    (i32.store (i32.const 16) (local.get 1))
    (i32.store (i32.const 20) (local.get 2))
    (call $check (call $fd_write (local.get 0) (i32.const 16) (i32.const 1) (i32.const 24))))
  (func $file (param i32 i32 i32 i32)
    (call $check (call $path_open (i32.const 3) (i32.const 0) (local.get 0) (local.get 1)
      (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
    (call $write (i32.load (i32.const 8)) (local.get 2) (local.get 3)))
  (func $print (param i32 i32) (call $write (i32.const 1) (local.get 0) (local.get 1)))
  (func (export "_start")
    {body}
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const 3600000000000))
    (call $check (call $poll_oneoff (i32.const 64) (i32.const 128) (i32.const 1)
      (i32.const 120)))))"#,
            body = self.body
        ))
    }
}

/// A task that wrote all kinds of files and then sleeps.
fn busy_task(name: &str) -> (Running, String) {
    let module = Program::default()
        .call("folder", &["out"])
        .call("folder", &["out/deep"])
        .call("file", &["out/words.txt", "one two"])
        .call("file", &["out/deep/more", "more"])
        .call("file", &["stdout", "mine"])
        .call("link", &["../../..", "up"])
        .call(
            "link",
            &["../../../../../../../../../etc/passwd", "out/passwd"],
        )
        .call("link", &["words.txt", "out/again"])
        .call("print", &["printed\n"])
        .build();
    let path = module.path().to_str().unwrap();
    let task = Running::stoker(["run", "--disk", "1MiB", "--name", name, path]);
    let id = wait_for("running task that has printed", || {
        let tasks = get("/api/v1/tasks?state=TASK_RUNNING");
        let mut tasks = tasks.as_array()?.iter();
        let id = tasks.find(|task| task["name"] == name)?["id"].as_str()?;
        (stoker(["task", "logs", id]).stdout == "printed\n").then(|| id.to_owned())
    });
    (task, id)
}

fn paths(arguments: &[&str]) -> Vec<String> {
    let listed = stoker([&["task", "files", "-o", "json"], arguments].concat());
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let listed = listed.json();
    let path = |file: &serde_json::Value| file["path"].as_str().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(path).collect()
}

/// Copies, and wants it to work.
fn copy(source: &str, destination: &Path) -> String {
    let copied = stoker(["task", "cp", source, destination.to_str().unwrap()]);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    copied.stderr
}

fn check_files(id: &str) {
    assert_eq!(paths(&[id]), ["stdout", "out", "./stdout", "up"]);
    assert_eq!(
        paths(&[id, "out"]),
        ["out/again", "out/deep", "out/passwd", "out/words.txt"]
    );
    let all = [
        "out",
        "out/again",
        "out/deep",
        "out/deep/more",
        "out/passwd",
        "out/words.txt",
    ];
    assert_eq!(
        paths(&["-r", id, "."]),
        [&all[..], &["./stdout", "up"]].concat()
    );
    let table = stoker(["task", "files", id]).stdout;
    assert!(table.starts_with("KIND"), "{table}");
    assert!(
        table.contains("directory") && table.contains("other"),
        "{table}"
    );
    let lines = stoker(["task", "files", "-o", "jsonl", id, "out/words.txt"]);
    let file: serde_json::Value = serde_json::from_str(&lines.stdout).unwrap();
    assert_eq!(
        (&file["kind"], &file["size"]),
        (&"file".into(), &7.into()),
        "{file}"
    );
    assert!(
        file["modified_at"].as_str().unwrap().ends_with('Z'),
        "{file}"
    );
}

fn check_copies(id: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    copy(&format!("{id}:out/words.txt"), folder.path());
    copy(&format!("{id}:stdout"), &at("printed"));
    copy(&format!("{id}:./stdout"), &at("own"));
    copy(&format!("{id}:out/again"), &at("again"));
    assert_eq!(read("words.txt"), "one two");
    assert_eq!(
        (read("printed"), read("own")),
        ("printed\n".to_owned(), "mine".to_owned())
    );
    assert_eq!(
        read("again"),
        "one two",
        "a link inside the sandbox is as good as its file"
    );
    // A folder: under a new name, and below one that is there.
    let note = copy(&format!("{id}:out"), &at("new"));
    assert!(note.contains("2 were left out"), "{note}");
    assert_eq!(
        (read("new/words.txt"), read("new/deep/more")),
        (read("again"), "more".to_owned())
    );
    assert_eq!(
        fs::read_dir(at("new")).unwrap().count(),
        2,
        "and nothing of the links"
    );
    copy(&format!("{id}:out/deep"), folder.path());
    assert_eq!(read("deep/more"), "more");
    let note = copy(&format!("{id}:"), &at("all"));
    assert!(note.contains("4 were left out"), "{note}");
    assert_eq!(
        (read("all/stdout"), read("all/out/deep/more")),
        (read("printed"), read("deep/more"))
    );
    let printed = stoker(["task", "cp", &format!("{id}:out/words.txt"), "-"]);
    assert_eq!(
        (printed.stdout.as_str(), printed.code),
        ("one two", Some(0)),
        "{printed:?}"
    );
    check_tar(id);
}

/// A folder on standard output is a tar that `tar` can read.
fn check_tar(id: &str) {
    let mut copying = Command::new(stoker_binary())
        .env("STOKER_MASTER", shared_master())
        .args(["task", "cp", &format!("{id}:out"), "-"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tar = Command::new("tar")
        .arg("-t")
        .stdin(copying.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(
        copying.wait().unwrap().success() && tar.status.success(),
        "{tar:?}"
    );
    let names = String::from_utf8(tar.stdout).unwrap();
    assert_eq!(
        names.lines().collect::<Vec<_>>(),
        ["deep/", "deep/more", "words.txt"]
    );
}

fn check_refusals(id: &str) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    for (path, words) in [
        ("up", "leads out of the task's sandbox"),
        ("up/checkpoint", "leads out of the task's sandbox"),
        ("out/passwd", "leads out of the task's sandbox"),
        ("nothing", "`stoker task files` lists what is"),
        ("out/words.txt/x", "`stoker task files` lists what is"),
        ("stderr", "`stoker task files` lists what is"),
    ] {
        stoker(["task", "cp", &format!("{id}:{path}"), here]).assert_refused(1, &[path, words]);
        stoker(["task", "files", id, path]).assert_refused(1, &[path, words]);
    }
    for path in ["../x", "out/../../x", "/etc/passwd"] {
        for arguments in [["cp", &format!("{id}:{path}"), here], ["files", id, path]] {
            let refused = stoker([&["task"], &arguments[..]].concat());
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert!(refused.stderr.contains("relative path"), "{refused:?}");
        }
    }
    stoker([
        "task",
        "cp",
        &format!("{id}:out/words.txt"),
        &format!("{here}/no/"),
    ])
    .assert_refused(1, &["there is no folder", "no/"]);
    fs::write(folder.path().join("file"), "").unwrap();
    stoker(["task", "cp", &format!("{id}:out"), &format!("{here}/file")])
        .assert_refused(1, &["is a file", "name a folder"]);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "a refused copy writes nothing: {left:?}");
}

#[test]
fn files_are_listed_and_copied_live_and_after_the_end_and_links_lead_nowhere() {
    let (task, id) = busy_task("busy");
    check_files(&id);
    check_copies(&id);
    check_refusals(&id);
    assert_eq!(stoker(["task", "kill", &id]).code, Some(0));
    assert_eq!(task.wait().code, Some(137));
    check_files(&id);
    check_copies(&id);
    check_refusals(&id);
}

#[test]
fn a_task_that_wrote_nothing_has_no_files() {
    let silent = module(r#"(module (func (export "_start")))"#);
    let report = stoker(["run", "-o", "json", silent.path().to_str().unwrap()]).json();
    let id = report["task_id"].as_str().unwrap();
    let listed = stoker(["task", "files", id]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stderr.contains("has written nothing"), "{listed:?}");
    assert_eq!(paths(&[id]), [""; 0]);
    stoker(["task", "cp", &format!("{id}:stdout"), "-"]).assert_refused(1, &["no sandbox"]);
    stoker(["task", "files", id, "."]).assert_refused(1, &["no sandbox"]);
    let hello = guest("hello");
    let report = stoker(["run", "-o", "json", hello.to_str().unwrap()]).json();
    let id = report["task_id"].as_str().unwrap();
    assert_eq!(paths(&[id]), ["stdout"]);
    stoker(["task", "files", id, "."]).assert_refused(1, &["no folder of its own", "no disk"]);
}
