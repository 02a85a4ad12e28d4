//! What a reader gets of a sandbox: lists, files, folders, and nothing from outside.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use stoker_types::{IdGenerator, TaskKey, agent::Wanted};
use tokio::sync::mpsc;

use stoker_proto::v1;

use super::*;

struct Bench {
    root: tempfile::TempDir,
    transfers: Transfers,
}

/// What came of a transfer.
#[derive(Debug, Default)]
struct Came {
    kind: i32,
    data: Vec<u8>,
    entries: Vec<(String, v1::FileKind, u64)>,
    left_out: u64,
    error: Option<String>,
}

impl Came {
    fn paths(&self) -> Vec<&str> {
        assert_eq!(self.error, None);
        self.entries.iter().map(|entry| &*entry.0).collect()
    }

    /// The entries of a tar with their content; folders end with a slash.
    fn untar(&self) -> Vec<(String, Vec<u8>)> {
        assert_eq!((self.kind(), &self.error), (v1::FileKind::Directory, &None));
        let mut archive = ::tar::Archive::new(&self.data[..]);
        let mut files = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            assert_eq!(entry.header().entry_type().is_dir(), path.ends_with('/'));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.push((path, content));
        }
        files
    }

    fn kind(&self) -> v1::FileKind {
        self.kind.try_into().unwrap()
    }
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let master = MasterChannel::fixed(None);
        let transfers = Transfers::new(master, Arc::default(), root.path().to_owned());
        Self { root, transfers }
    }

    fn sandbox(&self) -> PathBuf {
        data_directory::sandbox(self.root.path(), &task())
    }

    /// Writes a file of the guest's.
    fn write(&self, path: &str, content: &[u8]) {
        write(&self.sandbox().join("work").join(path), content);
    }

    async fn ask(&self, wanted: Wanted) -> Came {
        let (sender, mut chunks) = mpsc::channel(CHUNKS);
        let transfers = self.transfers.clone();
        let request = TransferRequest {
            ticket: 7,
            task: task(),
            wanted,
        };
        tokio::spawn(async move { transfers.read(request, sender).await });
        let mut came = Came::default();
        let mut is_first = true;
        while let Some(chunk) = chunks.recv().await {
            assert_eq!(chunk.ticket, std::mem::take(&mut is_first).then_some(7));
            came.kind = came.kind.max(chunk.kind);
            came.data.extend_from_slice(&chunk.data);
            assert!(chunk.entries.len() <= stoker_types::limit::LISTED_FILES_PER_BATCH);
            for entry in chunk.entries {
                let kind = entry.kind();
                came.entries.push((entry.path, kind, entry.size));
            }
            if chunk.end {
                came.left_out = chunk.left_out;
                came.error = chunk.error;
                return came;
            }
        }
        panic!("the transfer has no end");
    }

    async fn list(&self, path: &str, recursive: bool) -> Came {
        let path = path.parse().unwrap();
        self.ask(Wanted::Listing { path, recursive }).await
    }

    async fn read(&self, path: &str, offset: u64) -> Came {
        let path = path.parse().unwrap();
        self.ask(Wanted::File { path, offset }).await
    }

    async fn assert_refused(&self, path: &str, words: &str) {
        for came in [self.read(path, 0).await, self.list(path, true).await] {
            let error = came.error.as_ref().unwrap_or_else(|| panic!("{came:?}"));
            assert!(error.contains(words), "{path}: {error}");
            assert!(
                !error.contains(self.root.path().to_str().unwrap()),
                "{error}"
            );
            assert!(came.data.is_empty() && came.entries.is_empty());
        }
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn task() -> TaskKey {
    TaskKey {
        framework_id: IdGenerator::from_seed(1).framework_id(),
        task_id: "task-1".parse().unwrap(),
    }
}

fn busy() -> Bench {
    let bench = Bench::new();
    write(&bench.sandbox().join("stdout"), b"printed");
    bench.write("b.txt", b"bb");
    bench.write("a/2", b"two");
    bench.write("a/10", b"ten");
    bench.write("a/deep/er", b"");
    bench
}

#[tokio::test]
async fn a_listing_shows_the_streams_and_the_guests_files_under_their_own_names() {
    let bench = busy();
    let came = bench.list("", false).await;
    assert_eq!(
        came.entries,
        [
            ("stdout".to_owned(), v1::FileKind::File, 7),
            ("a".to_owned(), v1::FileKind::Directory, 0),
            ("b.txt".to_owned(), v1::FileKind::File, 2),
        ]
    );
    assert_eq!(bench.list(".", false).await.paths(), ["a", "b.txt"]);
    assert_eq!(
        bench.list("a", false).await.paths(),
        ["a/10", "a/2", "a/deep"]
    );
    assert_eq!(bench.list("a/2", true).await.paths(), ["a/2"]);
    assert_eq!(
        bench.list("", true).await.paths(),
        ["stdout", "a", "a/10", "a/2", "a/deep", "a/deep/er", "b.txt"]
    );
}

#[tokio::test]
async fn a_guests_own_stdout_is_told_from_the_stream() {
    let bench = busy();
    bench.write("stdout", b"mine");
    assert_eq!(
        bench.list("", false).await.paths(),
        ["stdout", "a", "b.txt", "./stdout"]
    );
    assert_eq!(bench.read("stdout", 0).await.data, b"printed");
    assert_eq!(bench.read("./stdout", 0).await.data, b"mine");
    let all = bench.read("", 0).await;
    assert_eq!(
        (all.untar()[0].1.as_slice(), all.left_out),
        (&b"printed"[..], 1)
    );
    let own = bench.read(".", 0).await;
    assert_eq!(
        (own.untar().pop().unwrap().1.as_slice(), own.left_out),
        (&b"mine"[..], 0)
    );
}

#[tokio::test]
async fn a_stream_that_rotated_is_one_file_of_what_is_kept() {
    let bench = busy();
    let sandbox = bench.sandbox();
    std::fs::rename(sandbox.join("stdout"), sandbox.join("stdout.100")).unwrap();
    write(&sandbox.join("stdout.107"), b" and more");
    write(&sandbox.join("stdout.x"), b"none of it");
    let came = bench.list("", false).await;
    assert_eq!(
        came.entries[0],
        ("stdout".to_owned(), v1::FileKind::File, 16)
    );
    assert_eq!(bench.read("stdout", 0).await.data, b"printed and more");
    assert_eq!(bench.read("stdout", 8).await.data, b"and more");
    assert_eq!(bench.read("stdout", 99).await.data, b"");
    let files = bench.read("", 0).await.untar();
    assert_eq!(files[0].1, b"printed and more");
}

#[tokio::test]
async fn read_only_inputs_are_where_the_guest_finds_them() {
    let bench = busy();
    // The guest finds the inputs' folder in place of its own.
    let inputs = bench.sandbox().join("inputs");
    write(&inputs.join("a/in"), b"given");
    write(&inputs.join("0/x"), b"x");
    bench.write("z", b"");
    assert_eq!(
        bench.list(".", true).await.paths(),
        ["0", "0/x", "a", "a/in", "b.txt", "z"]
    );
    assert_eq!(bench.list("a", false).await.paths(), ["a/in"]);
    assert_eq!(bench.read("a/in", 0).await.data, b"given");
    assert_eq!(bench.read("b.txt", 0).await.data, b"bb");
    bench.assert_refused("a/2", "nothing is at \"a/2\"").await;
    let files = bench.read(".", 0).await.untar();
    let names: Vec<&str> = files.iter().map(|file| &*file.0).collect();
    assert_eq!(names, ["0/", "0/x", "a/", "a/in", "b.txt", "z"]);
}

#[tokio::test]
async fn a_file_is_sent_from_any_byte_on() {
    let bench = Bench::new();
    let content: Vec<u8> = (0..200_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
    bench.write("big", &content);
    let came = bench.read("big", 0).await;
    assert_eq!(
        (came.kind(), came.data == content),
        (v1::FileKind::File, true)
    );
    assert_eq!(bench.read("big", 199_990).await.data, content[199_990..]);
    let past = bench.read("big", 300_000).await;
    assert_eq!(
        (past.kind(), past.data.len(), past.error),
        (v1::FileKind::File, 0, None)
    );
}

#[tokio::test]
async fn a_folder_is_a_tar_in_the_order_of_its_paths_and_the_same_each_time() {
    let bench = busy();
    let long = format!("a/{}/{}", "x".repeat(120), "y".repeat(120));
    let content = vec![b'z'; 70_000];
    bench.write(&long, &content);
    let came = bench.read("a", 0).await;
    let files = came.untar();
    let names: Vec<&str> = files.iter().map(|file| &*file.0).collect();
    let folder = format!("{}/", &long[2..122]);
    assert_eq!(names, ["10", "2", "deep/", "deep/er", &folder, &long[2..]]);
    assert_eq!(files[1].1, b"two");
    assert_eq!(files[5].1, content);
    assert_eq!(bench.read("a", 0).await.data, came.data);
    let error = bench.read("a", 1).await.error.unwrap();
    assert!(error.contains("offset 0"), "{error}");
}

#[tokio::test]
async fn links_are_shown_and_lead_nowhere_outside() {
    let bench = busy();
    let secret = bench.root.path().join("secret");
    fs::write(&secret, "do not tell").unwrap();
    let work = bench.sandbox().join("work");
    symlink(&secret, work.join("absolute")).unwrap();
    symlink("../../../secret", work.join("relative")).unwrap();
    symlink("../..", work.join("up")).unwrap();
    symlink("..", work.join("a/root")).unwrap();
    symlink("a/2", work.join("inside")).unwrap();
    symlink("loop", work.join("loop")).unwrap();
    bench.assert_refused("absolute", "leads out").await;
    bench.assert_refused("relative", "leads out").await;
    bench.assert_refused("up/task-1/stdout", "leads out").await;
    bench.assert_refused("loop", "cannot read").await;
    // Within the sandbox links are as good as what they name, but never walked through.
    assert_eq!(bench.read("inside", 0).await.data, b"two");
    assert_eq!(bench.read("a/root/b.txt", 0).await.data, b"bb");
    let listed = bench.list("", true).await;
    assert!(
        listed
            .entries
            .contains(&("up".to_owned(), v1::FileKind::Other, 0)),
        "{listed:?}"
    );
    assert!(!listed.paths().iter().any(|path| path.starts_with("up/")));
    let all = bench.read(".", 0).await;
    assert_eq!(all.left_out, 6);
    assert!(
        all.untar()
            .iter()
            .all(|(_, content)| content != b"do not tell")
    );
}

#[tokio::test]
async fn a_sandbox_that_was_replaced_by_a_link_is_not_followed() {
    let bench = Bench::new();
    let elsewhere = bench.root.path().join("elsewhere");
    write(&elsewhere.join("stdout"), b"another tenant's");
    write(&elsewhere.join("work/x"), b"another tenant's");
    let sandbox = bench.sandbox();
    fs::create_dir_all(sandbox.parent().unwrap()).unwrap();
    symlink(&elsewhere, &sandbox).unwrap();
    bench.assert_refused("x", "cannot read").await;
    fs::remove_file(&sandbox).unwrap();
    fs::create_dir(&sandbox).unwrap();
    symlink(elsewhere.join("work"), sandbox.join("work")).unwrap();
    symlink(elsewhere.join("stdout"), sandbox.join("stdout")).unwrap();
    bench.assert_refused("x", "cannot read").await;
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words() {
    let bench = Bench::new();
    bench.assert_refused("x", "knows nothing of the task").await;
    fs::create_dir_all(bench.sandbox()).unwrap();
    bench.assert_refused("x", "no folder of its own").await;
    bench.assert_refused(".", "no folder of its own").await;
    bench
        .assert_refused("stdout", "nothing is at \"stdout\"")
        .await;
    bench.write("a", b"");
    bench.assert_refused("x", "nothing is at \"x\"").await;
    bench.assert_refused("a/x", "nothing is at \"a/x\"").await;
}

#[tokio::test]
async fn a_listing_ends_at_its_bound_and_says_so() {
    let bench = Bench::new();
    for index in 0..stoker_types::limit::LISTED_FILES + 1 {
        bench.write(&format!("f{index:05}"), b"");
    }
    let came = bench.list("", false).await;
    assert_eq!(came.entries.len(), stoker_types::limit::LISTED_FILES);
    assert_eq!((came.left_out, came.error), (1, None));
}

#[tokio::test]
async fn folders_that_are_nested_too_deep_are_left_out_and_not_copied() {
    let bench = Bench::new();
    bench.write(&format!("{}x", "d/".repeat(100)), b"");
    let came = bench.list("", true).await;
    assert!(came.left_out > 0 && came.entries.len() > 60, "{came:?}");
    let error = bench.read("", 0).await.error.unwrap();
    assert!(error.contains("nested deeper"), "{error}");
}
