//! The framework `examples/wordcount` over several hundred files, while every part of its cluster
//! and it itself is killed once with `kill -9`: the count is the native one all the same.

use std::{fmt::Write as _, path::PathBuf, process::Command};

use rustix::process::Signal;
use stoker_sdk_testing::{DevCluster, example_binary};

use crate::harness::{
    Done, Running, command_lines, guest, kill_a_busy_runner, run, signal, wait_for,
};

/// How large each file is about.
const WORDS_PER_FILE: u32 = 1500;
/// As large as one file: a map task for each.
const CHUNK_SIZE: &str = "12KiB";

/// Files full of words, a framework that counts them, and what it remembers itself by.
struct WordCount {
    files: u32,
    folder: tempfile::TempDir,
    cluster: DevCluster,
}

impl WordCount {
    fn over(files: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("texts")).unwrap();
        // The same texts in every run: multiples of a prime, in another order for each file.
        for file in 0..files {
            let mut text = String::new();
            for number in 0..WORDS_PER_FILE {
                let word = (number * (file + 1)).wrapping_mul(2_654_435_761) % 4999;
                write!(
                    text,
                    "{}{word}{}",
                    "w".repeat(word as usize % 3),
                    [" ", ",\n"][word as usize % 2]
                )
                .unwrap();
            }
            std::fs::write(folder.path().join(format!("texts/{file}.txt")), text).unwrap();
        }
        let cluster = DevCluster::start().unwrap();
        Self {
            files,
            folder,
            cluster,
        }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn start(&self) -> Running {
        Running::start(self.command())
    }

    fn command(&self) -> Command {
        let program = example_binary("stoker-examples-wordcount").unwrap();
        let modules = guest("wordcount-map");
        let mut command = Command::new(program);
        command
            .args([
                "--master",
                self.cluster.master(),
                "--chunk-size",
                CHUNK_SIZE,
            ])
            .arg("--modules")
            .arg(modules.parent().unwrap())
            .arg("--framework-id")
            .arg(self.journal())
            .arg(self.folder.path().join("texts"));
        command
    }

    /// How many pieces of work are done, by its own notes.
    fn finished(&self) -> usize {
        let journal = std::fs::read_to_string(self.journal()).unwrap_or_default();
        journal
            .lines()
            .filter(|line| line.starts_with("finished"))
            .count()
    }

    /// Waits until so many more pieces are done.
    fn wait_for_progress(&self, pieces: usize) {
        let goal = self.finished() + pieces;
        wait_for("progress", || (self.finished() >= goal).then_some(()));
    }
}

fn assert_checked(done: &Done, files: u32) {
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.contains("a native count says the same"),
        "{done:?}"
    );
    let words = format!("{}wordsinall", files * WORDS_PER_FILE);
    assert!(done.stdout.replace(' ', "").contains(&words), "{done:?}");
}

#[test]
fn the_count_is_right_while_runner_agent_master_and_scheduler_are_each_killed() {
    let count = WordCount::over(300);
    let first = count.start();
    count.wait_for_progress(20);
    kill_a_busy_runner(&count.cluster);
    count.wait_for_progress(20);
    signal(count.cluster.agents()[0].pid, Signal::KILL);
    count.wait_for_progress(20);
    first.signal(Signal::KILL);
    assert_eq!(first.wait().code, None);

    let second = count.start();
    count.wait_for_progress(20);
    let (master, _) = command_lines("stoker start master", count.cluster.pid()).remove(0);
    signal(master, Signal::KILL);
    let done = second.wait();
    assert_checked(&done, count.files);
    assert!(
        done.stdout.contains("RUNNER_LOST"),
        "the runner had tasks: {done:?}"
    );
    assert!(
        !count.journal().exists(),
        "there is nothing to come back to"
    );
}

#[test]
fn an_interrupted_one_goes_on_where_it_was() {
    let count = WordCount::over(80);
    let first = count.start();
    count.wait_for_progress(20);
    first.signal(Signal::INT);
    let done = first.wait();
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(
        done.stderr.ends_with("wordcount: it was interrupted\n"),
        "{done:?}"
    );
    let finished = count.finished();
    assert!(finished >= 20);
    assert_checked(&run(count.command()), count.files);
}
