//! The log as a whole, on a real disk: what is written is found again, whatever crashed.

use std::{fs, path::Path, sync::atomic::Ordering, time::Duration};

use proptest::prelude::*;
use stoker_agent_core::{Durability, Record};
use stoker_types::{
    IdGenerator, Resources, Role, StatusUpdate, TaskInfo, TaskKey, TaskLimits, TaskState,
    Timestamp, Usage, agent::Launch, runner::Tenant,
};

use super::{
    CheckpointError, CheckpointLog, Entry,
    format::{HEADER_BYTES, RECORD_HEADER_BYTES},
    open::{Opened, open},
    record,
    segments::{segment_numbers, segment_path},
    writer::Progress,
};

fn task(number: u64) -> TaskKey {
    TaskKey {
        framework_id: IdGenerator::from_seed(number).framework_id(),
        task_id: format!("task-{number}").parse().unwrap(),
    }
}

fn launch(number: u64) -> Launch {
    let key = task(number);
    Launch {
        framework_id: key.framework_id,
        role: Role::default(),
        task: TaskInfo {
            id: key.task_id,
            name: "words".to_owned(),
            module: "file:/srv/words.wasm".parse().unwrap(),
            module_digest: None,
            resources: Resources::default(),
            arguments: vec!["a".to_owned()],
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        },
        allocated: "cpus=0.5;mem=1MiB".parse().unwrap(),
    }
}

fn update(number: u64, state: TaskState) -> StatusUpdate {
    StatusUpdate {
        task: task(number),
        agent_id: Some(IdGenerator::from_seed(3).agent_id()),
        number: 1,
        state,
        reason: None,
        message: "done".to_owned(),
        exit_code: Some(0),
        usage: Usage {
            cpu_time: Duration::from_nanos(7),
            ..Usage::default()
        },
        outputs: Vec::new(),
        at: Timestamp::from_micros(9),
    }
}

/// One record of each kind.
fn all_kinds() -> Vec<Record> {
    let mut ids = IdGenerator::from_seed(5);
    let runner_id = ids.runner_id();
    let tenant = Tenant {
        framework_id: ids.framework_id(),
        role: Role::default(),
    };
    vec![
        Record::Identity {
            agent_id: ids.agent_id(),
            boot_id: "boot 1".to_owned(),
        },
        Record::Launched(Box::new(launch(1))),
        Record::RunnerStarted {
            runner_id,
            nonce: u64::MAX,
            tenant,
        },
        Record::HandedOver {
            task: task(1),
            runner_id,
        },
        Record::KillRequested {
            task: task(1),
            reason: stoker_types::Reason::KillRequested,
            grace: Duration::from_millis(1500),
        },
        Record::Update {
            update: Box::new(update(1, TaskState::Running)),
            runner_event: Some((runner_id, 4)),
        },
        Record::Update {
            update: Box::new(update(1, TaskState::Finished)),
            runner_event: None,
        },
        Record::Acknowledged {
            task: task(1),
            number: 2,
        },
        Record::OutputsPending {
            task: task(1),
            usage: Usage {
                fuel_used: 7,
                ..Usage::default()
            },
            runner_event: Some((runner_id, 3)),
        },
        Record::OutputsPending {
            task: task(1),
            usage: Usage::default(),
            runner_event: None,
        },
        Record::Forgotten { task: task(1) },
        Record::RunnerEnded { runner_id },
    ]
}

fn entries(records: &[Record], first: u64) -> Vec<Entry> {
    let entry = |(sequence, record): (u64, &Record)| Entry {
        sequence,
        record: record.clone(),
        durability: record.durability(),
    };
    (first..).zip(records).map(entry).collect()
}

/// Appends records numbered from `first`, and waits for the answer.
async fn write(log: &CheckpointLog, records: &[Record], first: u64) {
    log.append(entries(records, first)).await;
    let last = first + records.len() as u64 - 1;
    log.progress()
        .wait_for(|progress| progress.persisted >= last)
        .await
        .unwrap();
}

fn reopen(folder: &Path, boot_id: &str) -> Vec<Record> {
    let Opened { log, records } = open(folder, boot_id).unwrap();
    log.close().unwrap();
    records
}

/// A log that one daemon wrote these records to.
async fn written(records: &[Record]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), "boot 1").unwrap();
    assert!(opened.records.is_empty());
    write(&opened.log, records, 1).await;
    opened.log.close().unwrap();
    folder
}

#[test]
fn every_record_reads_back() {
    for record in all_kinds() {
        let bytes = record::encode(record.clone());
        assert_eq!(record::decode(&bytes).unwrap(), record);
    }
    let error = record::decode(b"\x08\x02").unwrap_err();
    assert!(error.to_string().contains("version"), "{error}");
}

#[tokio::test]
async fn what_was_written_is_there_at_the_next_start() {
    let folder = written(&all_kinds()).await;
    let opened = open(folder.path(), "boot 1").unwrap();
    assert_eq!(opened.records, all_kinds());
    write(&opened.log, &all_kinds()[..2], 1).await;
    opened.log.close().unwrap();

    let opened = open(folder.path(), "boot 2").unwrap();
    assert_eq!(opened.records.len(), all_kinds().len() + 2);
    opened.log.close().unwrap();
}

#[tokio::test]
async fn records_of_any_class_are_synced_where_that_is_wanted() {
    let launched = Record::Forgotten { task: task(1) };
    assert_eq!(launched.durability(), Durability::Written);
    for (wanted, syncs) in [(false, 0), (true, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(folder.path(), "boot 1").unwrap();
        let log = opened.log.syncing_everything(wanted);
        write(&log, std::slice::from_ref(&launched), 1).await;
        assert_eq!(log.counters().syncs.load(Ordering::Relaxed), syncs);
        log.close().unwrap();
    }
}

#[tokio::test]
async fn a_cut_at_every_offset_is_survived() {
    let records = all_kinds();
    let folder = written(&records).await;
    let path = segment_path(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    for length in HEADER_BYTES..whole.len() {
        for number in segment_numbers(folder.path()).unwrap() {
            fs::remove_file(segment_path(folder.path(), number)).unwrap();
        }
        fs::write(&path, &whole[..length]).unwrap();
        let found = reopen(folder.path(), "boot 1");
        assert!(
            found.len() < records.len() && records.starts_with(&found),
            "cut to {length}"
        );
        // What was cut off stays away, and the log goes on behind it.
        if length % 16 == 0 {
            assert_eq!(reopen(folder.path(), "boot 1"), found);
        }
    }
}

#[tokio::test]
async fn a_changed_byte_names_the_file_and_the_offset() {
    let folder = written(&all_kinds()).await;
    let path = segment_path(folder.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[HEADER_BYTES + RECORD_HEADER_BYTES] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let message = open(folder.path(), "boot 1").unwrap_err().to_string();
    assert!(message.contains(&*path.to_string_lossy()), "{message}");
    assert!(
        message.contains(&format!("offset {HEADER_BYTES}")),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message}");
}

#[tokio::test]
async fn a_missing_segment_and_a_foreign_file_are_refused() {
    let folder = written(&all_kinds()).await;
    reopen(folder.path(), "boot 1");
    fs::remove_file(segment_path(folder.path(), 1)).unwrap();
    let error = open(folder.path(), "boot 1").unwrap_err();
    assert!(matches!(error, CheckpointError::Missing { .. }), "{error}");

    fs::write(segment_path(folder.path(), 1), "not a log").unwrap();
    let error = open(folder.path(), "boot 1").unwrap_err();
    assert!(
        error.to_string().contains("is no checkpoint segment"),
        "{error}"
    );
}

#[tokio::test]
async fn a_snapshot_replaces_what_was_before_it() {
    let folder = written(&all_kinds()).await;
    let opened = open(folder.path(), "boot 1").unwrap();
    write(&opened.log, &all_kinds(), 1).await;
    let live = &all_kinds()[..2];
    opened.log.replace(live.to_vec()).await;
    write(&opened.log, &all_kinds()[2..3], 11).await;
    opened.log.close().unwrap();
    assert_eq!(segment_numbers(folder.path()).unwrap(), [3]);
    assert_eq!(reopen(folder.path(), "boot 1"), all_kinds()[..3]);
}

#[tokio::test]
async fn a_crash_before_the_removal_of_replaced_segments_does_no_harm() {
    let folder = written(&all_kinds()).await;
    let old = fs::read(segment_path(folder.path(), 1)).unwrap();
    let opened = open(folder.path(), "boot 1").unwrap();
    opened.log.replace(all_kinds()[..1].to_vec()).await;
    opened.log.close().unwrap();
    fs::write(segment_path(folder.path(), 1), old).unwrap();
    fs::write(folder.path().join("next.tmp"), "half a segment").unwrap();
    assert_eq!(reopen(folder.path(), "boot 1"), all_kinds()[..1]);
    assert!(!segment_path(folder.path(), 1).exists());
}

#[tokio::test]
async fn many_starts_call_for_a_snapshot() {
    let folder = written(&all_kinds()).await;
    for _ in 0..7 {
        reopen(folder.path(), "boot 1");
    }
    let opened = open(folder.path(), "boot 1").unwrap();
    assert!(opened.log.wants_snapshot());
    assert!(!opened.log.wants_snapshot());
    opened.log.close().unwrap();
}

#[tokio::test]
async fn a_full_segment_is_followed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), "boot 1").unwrap();
    let mut large = launch(1);
    large.task.arguments = vec!["x".repeat(30_000)];
    let records = vec![Record::Launched(Box::new(large)); 600];
    write(&opened.log, &records, 1).await;
    opened.log.close().unwrap();
    assert!(segment_numbers(folder.path()).unwrap().len() > 1);
    assert_eq!(reopen(folder.path(), "boot 1").len(), 600);
}

#[tokio::test]
async fn a_failed_write_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), "boot 1").unwrap();
    // The next segment cannot be made in a folder that is gone.
    fs::remove_dir_all(folder.path()).unwrap();
    opened.log.replace(Vec::new()).await;
    let mut progress = opened.log.progress();
    let progress = progress
        .wait_for(|progress| progress.failure.is_some())
        .await
        .unwrap()
        .clone();
    assert!(progress.failure.unwrap().contains("next.tmp"));
    assert!(opened.log.close().is_err());
}

#[test]
fn what_only_has_to_be_written_is_answered_before_a_sync_and_the_rest_after_it() {
    let mut progress = Progress::default();
    // Two entries, and neither needs a sync.
    assert!(progress.append(2, 2, false));
    assert_eq!((progress.written, progress.persisted), (2, 2));
    // The fourth needs one; so does the fifth, which is alone in its group.
    assert!(progress.append(3, 4, true));
    assert!(!progress.append(3, 5, true));
    assert_eq!((progress.written, progress.persisted), (3, 2));
    // The sync of the first group is over, and a sixth needs none.
    progress.synced(4);
    assert!(progress.append(6, 6, false));
    assert_eq!((progress.written, progress.persisted), (6, 4));
    progress.synced(5);
    assert_eq!(progress.persisted, 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn groups_of_any_shape_are_answered_in_order(sizes in prop::collection::vec(1..5_usize, 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let opened = open(folder.path(), "boot 1").unwrap();
            let kinds = all_kinds();
            let mut expected = Vec::new();
            for size in sizes {
                let first = expected.len() as u64 + 1;
                let records = kinds.iter().cycle().skip(expected.len()).take(size);
                let group: Vec<Record> = records.cloned().collect();
                expected.extend(group.clone());
                opened.log.append(entries(&group, first)).await;
            }
            let last = expected.len() as u64;
            opened.log.progress().wait_for(|progress| progress.persisted == last).await.unwrap();
            opened.log.close().unwrap();
            assert_eq!(reopen(folder.path(), "boot 1"), expected);
        });
    }
}

#[test]
fn only_what_must_survive_a_power_cut_is_synced() {
    let synced = all_kinds()
        .iter()
        .filter(|record| record.durability() == Durability::Synced)
        .count();
    assert_eq!(synced, 2);
}
