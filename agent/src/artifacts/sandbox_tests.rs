//! Preparations of tasks with inputs: a sandbox is there when the task is ready, and goes with it.

use std::{fs, io::Write as _, path::PathBuf};

use stoker_types::{BlobForm, Digest, Input as TaskInput, ModuleReference, Reason, agent::Launch};

use super::{
    tests::{Bench, COMPILER, key_of, launch, wait_for},
    *,
};

impl Bench {
    /// Puts a blob into the store, as if it had been fetched.
    fn blob(&self, content: &[u8]) -> Digest {
        let store = self.artifacts.workshop.store();
        let digest = Digest::of(content);
        let mut file = store.new_file().unwrap();
        file.write_all(content).unwrap();
        store.insert(&blob_name(digest), file).unwrap();
        digest
    }

    fn launch(&self, id: &str, inputs: Vec<TaskInput>) -> Launch {
        let path = self.file("a.wasm", "wasm a");
        let mut launch = launch(id, ModuleReference::File(path));
        launch.task.resources.disk = 16 << 10;
        launch.task.inputs = inputs;
        launch
    }

    fn sandbox(&self, launch: &Launch) -> PathBuf {
        self.artifacts.sandbox(&key_of(launch))
    }

    /// The sandboxes in the making.
    fn staged(&self) -> usize {
        fs::read_dir(self.root.path().join("staging")).map_or(0, Iterator::count)
    }
}

fn input(blob: Digest, path: &str, read_only: bool) -> TaskInput {
    TaskInput {
        blob,
        path: path.to_owned(),
        form: BlobForm::File,
        read_only,
    }
}

#[tokio::test]
async fn a_task_with_inputs_has_its_sandbox_when_it_is_ready() {
    let mut bench = Bench::new(COMPILER);
    let blob = bench.blob(b"content");
    let inputs = vec![input(blob, "own/a", false), input(blob, "in/b", true)];
    let launch = bench.launch("1", inputs);
    bench.prepare(launch.clone()).await.unwrap();
    let sandbox = bench.sandbox(&launch);
    let read = |path: &str| fs::read_to_string(sandbox.join(path)).unwrap();
    assert_eq!(read("work/own/a"), "content");
    assert_eq!(read("inputs/in/b"), "content");
    assert_eq!(bench.staged(), 0);
    // Prepared again, it is as new.
    fs::write(sandbox.join("work/left"), "over").unwrap();
    bench.prepare(launch.clone()).await.unwrap();
    assert!(!sandbox.join("work/left").exists());
    // What the guest leaves is kept.
    bench.artifacts.release(&key_of(&launch));
    wait_for(|| (!sandbox.join("inputs").exists()).then_some(())).await;
    assert_eq!(read("work/own/a"), "content");
}

#[tokio::test]
async fn a_task_that_will_not_run_has_no_sandbox() {
    let mut bench = Bench::new(COMPILER);
    let blob = bench.blob(b"content");
    let launch = bench.launch("1", vec![input(blob, "own/a", false)]);
    bench.prepare(launch.clone()).await.unwrap();
    let sandbox = bench.sandbox(&launch);
    assert!(sandbox.exists());
    bench.artifacts.cancel(&key_of(&launch));
    wait_for(|| (!sandbox.exists()).then_some(())).await;

    let launch = bench.launch("2", vec![input(blob, "own/a", false)]);
    let key = key_of(&launch);
    bench
        .artifacts
        .prepare(key.clone(), Box::new(launch.clone()));
    tokio::task::yield_now().await;
    bench.artifacts.cancel(&key);
    let sandbox = bench.sandbox(&launch);
    wait_for(|| (bench.staged() == 0 && !sandbox.exists()).then_some(())).await;
}

#[tokio::test]
async fn a_wrong_input_is_told_by_its_path_and_leaves_nothing() {
    let mut bench = Bench::new(COMPILER);
    let blob = bench.blob(b"no tar at all, and not long enough");
    let mut tar = input(blob, "data", true);
    tar.form = BlobForm::Tar;
    let launch = bench.launch("1", vec![input(blob, "own/a", false), tar]);
    let failure = bench.prepare(launch.clone()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::InputInvalid);
    let words = format!("its input \"data\" ({blob}): it is no tar");
    assert!(failure.message.starts_with(&words), "{}", failure.message);

    let large = bench.blob(&vec![7; (16 << 10) + 1]);
    let launch = bench.launch("2", vec![input(large, "own/a", false)]);
    let failure = bench.prepare(launch.clone()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::InputInvalid);
    assert!(
        failure.message.contains("20480 bytes"),
        "{}",
        failure.message
    );
    let sandbox = bench.sandbox(&launch);
    wait_for(|| (bench.staged() == 0 && !sandbox.exists()).then_some(())).await;
}

#[tokio::test]
async fn a_module_that_is_wrong_leaves_no_sandbox() {
    let mut bench = Bench::new(COMPILER);
    let blob = bench.blob(b"content");
    let mut launch = bench.launch("1", vec![input(blob, "own/a", false)]);
    launch.task.module = ModuleReference::File("/nonexistent/a.wasm".into());
    let failure = bench.prepare(launch.clone()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ModuleNotFound);
    let sandbox = bench.sandbox(&launch);
    wait_for(|| (bench.staged() == 0 && !sandbox.exists()).then_some(())).await;
}
