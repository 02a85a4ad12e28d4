//! The scheduler against a scripted master: each test is a piece of a framework's life.

use std::{collections::BTreeMap, fs::File};

use stoker_sdk_scheduler::{
    BlobForm, Digest, FrameworkId, FrameworkInfo, OutputFile, Reason, Role, TaskInfo,
    core::Settings,
};
use stoker_sdk_testing::{Launch, ScriptedMaster};

use super::*;
use crate::plan::Modules;

/// Room for a handful of tasks.
const OFFER: &str = "cpus=4;mem=8GiB;disk=8GiB";

fn blob(text: &str) -> Blob {
    Blob {
        digest: Digest::of(text.as_bytes()),
        size: text.len() as u64,
    }
}

/// Two reduce tasks over these chunks.
fn plan(chunks: &[&str]) -> Plan {
    let modules = Modules {
        map: Digest::of(b"map"),
        reduce: Digest::of(b"reduce"),
    };
    let chunks = chunks.iter().map(|chunk| blob(chunk)).collect();
    Plan::new(chunks, 2, modules).unwrap()
}

fn word_count(chunks: &[&str]) -> WordCount {
    WordCount::new(plan(chunks), Journal::default(), Memory::default(), false)
}

/// What the guest of a task would leave: the blob of each output is named after task and path.
fn left(task: &TaskInfo) -> Vec<OutputFile> {
    let output = |path: &String| {
        let Blob { digest, size } = blob(&format!("{} of {}", path, task.name));
        OutputFile {
            path: path.clone(),
            form: BlobForm::File,
            digest,
            size,
            content: None,
        }
    };
    task.outputs.iter().map(output).collect()
}

fn names(launch: &Launch) -> Vec<&str> {
    launch.tasks.iter().map(|task| &*task.name).collect()
}

/// The inputs of a task: which blob is where.
fn inputs(task: &TaskInfo) -> Vec<(Digest, &str)> {
    let inputs = task.inputs.iter();
    inputs.map(|input| (input.blob, &*input.path)).collect()
}

/// Offers resources and expects that all that waits is launched.
fn launch(master: &mut ScriptedMaster<WordCount>) -> Launch {
    master.offer(OFFER);
    let launch = master.expect_launch();
    master.expect_suppress();
    launch
}

fn finish(master: &mut ScriptedMaster<WordCount>, launch: &Launch) {
    for task in &launch.tasks {
        master.update(&task.id, TaskState::Running);
        master.finish(&task.id, left(task));
    }
}

fn expect_torn_down(master: &mut ScriptedMaster<WordCount>) {
    let call = master.expect_call("a teardown").call;
    assert_eq!(call.verb(), "teardown");
    master.expect_stopped();
}

#[test]
fn reductions_take_their_part_of_every_map() {
    let mut master = ScriptedMaster::new(word_count(&["one", "two"]));
    master.expect_revive();
    let maps = launch(&mut master);
    assert_eq!(names(&maps), ["map-0", "map-1"]);
    assert_eq!(inputs(&maps.tasks[1]), [(blob("two").digest, "in/text")]);
    assert_eq!(maps.tasks[1].outputs, ["part-0", "part-1"]);

    // Nothing is reduced before the last map is done, whichever that is.
    master.finish(&maps.tasks[1].id, left(&maps.tasks[1]));
    master.expect_nothing();
    master.finish(&maps.tasks[0].id, left(&maps.tasks[0]));
    master.expect_revive();
    let reductions = launch(&mut master);
    assert_eq!(names(&reductions), ["reduce-0", "reduce-1"]);
    assert_eq!(
        inputs(&reductions.tasks[1]),
        [
            (blob("part-1 of map-0").digest, "maps/0"),
            (blob("part-1 of map-1").digest, "maps/1"),
        ]
    );
    finish(&mut master, &reductions);
    expect_torn_down(&mut master);
    let results = master.scheduler().results().unwrap();
    assert_eq!(
        results,
        [blob("counts of reduce-0"), blob("counts of reduce-1")]
    );
}

#[test]
fn what_does_not_fit_waits_for_the_next_offer() {
    let mut master = ScriptedMaster::new(word_count(&["one", "two", "three"]));
    master.expect_revive();
    master.offers(&["cpus=0.5;mem=1GiB;disk=1GiB", "cpus=0.1;mem=1GiB;disk=1GiB"]);
    assert_eq!(names(&master.expect_launch()), ["map-0", "map-1"]);
    master.expect_decline();
    master.expect_nothing();
    assert_eq!(names(&launch(&mut master)), ["map-2"]);
}

#[test]
fn a_lost_task_is_launched_again_as_a_new_one() {
    for (state, reason) in [
        (TaskState::Failed, Some(Reason::RunnerLost)),
        (TaskState::Failed, Some(Reason::LaunchFailed)),
        (TaskState::Dropped, Some(Reason::InvalidOffers)),
        (TaskState::Gone, Some(Reason::AgentRestarted)),
        (TaskState::GoneByOperator, None),
        (TaskState::Killed, Some(Reason::AgentStopped)),
    ] {
        let mut master = ScriptedMaster::new(word_count(&["one", "two"]));
        master.expect_revive();
        let maps = launch(&mut master);
        master.update_because(&maps.tasks[0].id, state, reason);
        master.expect_revive();
        let again = launch(&mut master);
        assert_eq!(names(&again), ["map-0"], "{state}");
        assert_ne!(again.tasks[0].id, maps.tasks[0].id, "{state}");
        let word = reason.map_or(state.as_str(), Reason::as_str);
        let lost = &master.scheduler().watch().borrow().lost.clone();
        assert_eq!(lost, &BTreeMap::from([(word.to_owned(), 1)]));
    }
}

#[test]
fn a_task_out_of_reach_is_given_up_and_what_it_still_does_is_not_counted_twice() {
    let mut master = ScriptedMaster::new(word_count(&["one"]));
    master.expect_revive();
    let first = launch(&mut master).tasks.remove(0);
    master.update_because(&first.id, TaskState::Unreachable, Reason::AgentUnreachable);
    assert_eq!(master.expect_kill(), first.id);
    master.expect_revive();
    let second = launch(&mut master).tasks.remove(0);
    master.finish(&first.id, left(&first));
    master.expect_nothing();
    master.finish(&second.id, left(&second));
    master.expect_revive();
    assert_eq!(names(&launch(&mut master)), ["reduce-0", "reduce-1"]);
}

#[test]
fn what_finished_without_its_outputs_is_done_again() {
    let mut master = ScriptedMaster::new(word_count(&["one"]));
    master.expect_revive();
    let map = launch(&mut master).tasks.remove(0);
    master.finish(&map.id, left(&map).into_iter().take(1));
    master.expect_revive();
    assert_eq!(names(&launch(&mut master)), ["map-0"]);
}

#[test]
fn an_error_ends_it_and_says_which() {
    let mut master = ScriptedMaster::new(word_count(&["one", "two"]));
    master.expect_revive();
    let maps = launch(&mut master);
    master.update_because(&maps.tasks[1].id, TaskState::Error, Reason::InputNotFound);
    expect_torn_down(&mut master);
    let error = master.scheduler().results().unwrap_err().to_string();
    assert!(error.starts_with("map-1-"), "{error}");
    assert!(error.contains("TASK_ERROR INPUT_NOT_FOUND"), "{error}");
    assert!(master.scheduler().has_failed());
}

#[test]
fn who_keeps_going_counts_the_rest() {
    let patient = WordCount::new(
        plan(&["one", "two"]),
        Journal::default(),
        Memory::default(),
        true,
    );
    let mut master = ScriptedMaster::new(patient);
    master.expect_revive();
    let maps = launch(&mut master);
    master.update_because(&maps.tasks[0].id, TaskState::Failed, Reason::Trap);
    master.finish(&maps.tasks[1].id, left(&maps.tasks[1]));
    master.expect_revive();
    let reductions = launch(&mut master);
    assert_eq!(
        inputs(&reductions.tasks[0]),
        [(blob("part-0 of map-1").digest, "maps/0")]
    );
    finish(&mut master, &reductions);
    expect_torn_down(&mut master);
    let scheduler = master.scheduler();
    assert_eq!(scheduler.results().unwrap().len(), 2);
    assert!(scheduler.failed()[&Piece::Map(0)].contains("TRAP"));
    assert!(!scheduler.has_failed());
}

#[test]
fn what_is_lost_every_time_is_not_launched_for_ever() {
    let mut master = ScriptedMaster::new(word_count(&["one"]));
    master.expect_revive();
    for attempt in 1..=MOST_LAUNCHES {
        let map = launch(&mut master).tasks.remove(0);
        master.update_because(&map.id, TaskState::Failed, Reason::RunnerLost);
        if attempt < MOST_LAUNCHES {
            master.expect_revive();
        }
    }
    expect_torn_down(&mut master);
    let error = master.scheduler().results().unwrap_err().to_string();
    assert!(error.starts_with("map-0 was lost 10 times"), "{error}");
}

#[test]
fn an_interrupted_one_has_no_results() {
    let mut master = ScriptedMaster::new(word_count(&["one"]));
    master.expect_revive();
    launch(&mut master);
    let error = master.scheduler().results().unwrap_err().to_string();
    assert_eq!(error, "it was interrupted");
    assert!(!master.scheduler().has_failed());
}

#[test]
fn the_tally_counts_pieces_bytes_and_states() {
    let mut master = ScriptedMaster::new(word_count(&["one", "three", "five"]));
    master.expect_revive();
    master.offer("cpus=0.5;mem=1GiB;disk=1GiB");
    let maps = master.expect_launch();
    master.update(&maps.tasks[0].id, TaskState::Running);
    master.finish(&maps.tasks[1].id, left(&maps.tasks[1]));
    let tally = master.scheduler().watch().borrow().clone();
    let expected = Tally {
        maps: (1, 3),
        reductions: (0, 2),
        bytes: (5, 12),
        states: BTreeMap::from([("TASK_RUNNING", 1), ("waiting", 1)]),
        lost: BTreeMap::new(),
    };
    assert_eq!(tally, expected);
}

/// A scheduler that is killed and started again, with the file that it remembers by.
struct Lives {
    folder: tempfile::TempDir,
    chunks: &'static [&'static str],
}

impl Lives {
    fn begin(chunks: &'static [&'static str]) -> (Self, ScriptedMaster<WordCount>) {
        let folder = tempfile::tempdir().unwrap();
        let lives = Self { folder, chunks };
        let first = lives.next();
        (lives, first)
    }

    fn next(&self) -> ScriptedMaster<WordCount> {
        let plan = plan(self.chunks);
        let path = self.folder.path().join("journal");
        let (journal, memory) = Journal::open(&path, plan.digest()).unwrap();
        let settings = Settings {
            framework: FrameworkInfo {
                name: "wordcount".to_owned(),
                principal: String::new(),
                roles: vec![Role::default()],
                failover_timeout: FrameworkInfo::DEFAULT_FAILOVER_TIMEOUT,
            },
            framework_id: memory.framework_id,
            wait: None,
            // Each life makes ids of its own.
            seed: memory.launches.len() as u64,
        };
        let scheduler = WordCount::new(plan, journal, memory, false);
        ScriptedMaster::with_settings(scheduler, settings)
    }
}

#[test]
fn a_next_life_asks_first_and_launches_only_what_is_missing() {
    let (lives, mut master) = Lives::begin(&["done", "running", "unknown", "ended"]);
    master.expect_revive();
    let maps = launch(&mut master);
    master.finish(&maps.tasks[0].id, left(&maps.tasks[0]));
    drop(master);

    let mut master = lives.next();
    // It has its id again, and nothing is launched before it knows what runs.
    master.expect_nothing();
    master.answer(&maps.tasks[1].id, TaskState::Running);
    master.expect_nothing();
    master.answer(&maps.tasks[2].id, TaskState::Unknown);
    master.expect_revive();
    let again = launch(&mut master);
    assert_eq!(names(&again), ["map-2"]);
    // One ended while no one listened; its agent tells what it left.
    master.answer(&maps.tasks[3].id, TaskState::Running);
    for task in [&maps.tasks[1], &maps.tasks[3], &again.tasks[0]] {
        master.finish(&task.id, left(task));
    }
    master.expect_revive();
    let reductions = launch(&mut master);
    assert_eq!(
        inputs(&reductions.tasks[0])[0],
        (blob("part-0 of map-0").digest, "maps/0"),
        "what an earlier life heard is used"
    );
    finish(&mut master, &reductions);
    expect_torn_down(&mut master);
    assert!(
        lives.next().scheduler().results().is_ok(),
        "it is all in the journal"
    );
}

#[test]
fn a_next_life_has_the_same_framework_id() {
    let (lives, master) = Lives::begin(&["one"]);
    drop(master);
    let plan = plan(lives.chunks);
    let path = lives.folder.path().join("journal");
    let (_journal, memory) = Journal::open(&path, plan.digest()).unwrap();
    assert_eq!(memory.framework_id, Some(FrameworkId::from_bits(1)));
}

#[test]
fn a_task_that_no_journal_knows_is_killed() {
    let (_lives, mut master) = Lives::begin(&["one"]);
    master.expect_revive();
    let stray = "map-7-stray".parse().unwrap();
    master.answer(&stray, TaskState::Running);
    assert_eq!(master.expect_kill(), stray);
    master.expect_nothing();
}

#[cfg(target_os = "linux")]
#[test]
fn without_its_journal_it_does_not_go_on() {
    // Opening it works, writing does not: this device is always full.
    let full = File::options().append(true).open("/dev/full").unwrap();
    let journal = Journal::to(full);
    let scheduler = WordCount::new(plan(&["one"]), journal, Memory::default(), false);
    let mut master = ScriptedMaster::new(scheduler);
    expect_torn_down(&mut master);
    let error = master.scheduler().results().unwrap_err().to_string();
    assert!(error.starts_with("cannot write the journal"), "{error}");
}
