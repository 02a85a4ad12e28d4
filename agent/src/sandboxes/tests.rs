//! Sandboxes on a real disk, made older than they are.

use super::*;
use crate::known_tasks::tests::{end, launched, task};

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Bench {
    root: tempfile::TempDir,
    collector: Collector,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let sandboxes = root.path().join("sandboxes");
        fs::create_dir(&sandboxes).unwrap();
        let collector = Collector {
            sandboxes,
            removed: root.path().join("removed"),
            known_tasks: Arc::default(),
            retention: DAY,
            min_free: 0,
            counters: Arc::default(),
        };
        Self { root, collector }
    }

    fn sandbox(&self, name: &str) -> PathBuf {
        crate::data_directory::sandbox(&self.collector.sandboxes, &task(name))
    }

    /// A sandbox that was left so long ago.
    fn left(&self, name: &str, ago: Duration) {
        let sandbox = self.sandbox(name);
        fs::create_dir_all(sandbox.join("work")).unwrap();
        fs::write(sandbox.join("stdout"), name).unwrap();
        let then = FileTimes::new().set_modified(SystemTime::now() - ago);
        File::open(&sandbox).unwrap().set_times(then).unwrap();
    }

    fn remaining(&self, names: &[&str]) -> Vec<String> {
        self.collector.collect().unwrap();
        let is_there = |name: &&&str| self.sandbox(name).exists();
        let there = names.iter().filter(is_there);
        there.map(|name| (*name).to_owned()).collect()
    }

    fn counts(&self) -> (u64, u64) {
        let counters = &self.collector.counters;
        (
            counters.expired.load(Relaxed),
            counters.evicted.load(Relaxed),
        )
    }
}

#[test]
fn a_sandbox_is_kept_for_its_time_and_its_framework_s_folder_goes_with_the_last() {
    let bench = Bench::new();
    bench.left("old", DAY * 2);
    bench.left("new", DAY / 2);
    assert_eq!(bench.remaining(&["old", "new"]), ["new"]);
    assert_eq!(bench.counts(), (1, 0));
    bench.left("new", DAY * 2);
    assert!(bench.remaining(&["new"]).is_empty());
    let left = fs::read_dir(&bench.collector.sandboxes).unwrap().count();
    assert_eq!(left, 0);
    let removed = fs::read_dir(bench.root.path().join("removed")).unwrap();
    assert_eq!(removed.count(), 0);
}

#[test]
fn a_task_that_is_alive_keeps_its_sandbox_and_its_time_begins_at_the_end() {
    let mut bench = Bench::new();
    bench.collector.min_free = u64::MAX;
    let known_tasks = Arc::clone(&bench.collector.known_tasks);
    known_tasks.note(&launched("alive"));
    bench.left("alive", DAY * 2);
    bench.left("over", Duration::ZERO);
    assert_eq!(bench.remaining(&["alive", "over"]), ["alive"]);
    assert_eq!(bench.counts(), (0, 1));
    bench.collector.min_free = 0;
    known_tasks.note(&end("alive"));
    assert_eq!(bench.remaining(&["alive"]), ["alive"]);
}

#[test]
fn what_is_read_stays_until_it_has_been_read() {
    let mut bench = Bench::new();
    bench.collector.min_free = u64::MAX;
    bench.left("read", DAY * 2);
    let known_tasks = Arc::clone(&bench.collector.known_tasks);
    let (one, other) = (
        known_tasks.read(&task("read")),
        known_tasks.read(&task("read")),
    );
    drop(one);
    assert_eq!(bench.remaining(&["read"]), ["read"]);
    assert_eq!(known_tasks.removal(&task("read")), None);
    drop(other);
    assert!(bench.remaining(&["read"]).is_empty());
    assert_eq!(
        known_tasks.removal(&task("read")),
        Some(Removal::Expired(DAY))
    );
}
