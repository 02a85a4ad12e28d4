//! Data in and out of tasks, as a scheduler sees it: what comes in ([`inputs`]), what is refused
//! before anything runs ([`refused`]), and what goes back ([`outputs`]).
//!
//! Owns the scheduler of one task, and the making of blobs and tars.

mod inputs;
mod outputs;
mod refused;

use std::{collections::BTreeMap, io::Read as _, time::Duration};

use stoker_sdk_scheduler::{
    Calls, Digest, Driver, Offer, OutputFile, Scheduler, StatusUpdate, Task, Timestamp,
    artifacts::{ArtifactKind, Artifacts},
};
use tar::{Builder, EntryType, Header};

use crate::harness::{guest, shared_master};

pub(super) const DISK: u64 = 4 << 20;

/// Launches one task and keeps what is told of it.
#[derive(Debug)]
struct Once {
    task: Option<Task>,
    updates: Vec<StatusUpdate>,
}

impl Scheduler for Once {
    type Command = std::convert::Infallible;

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, calls: &mut Calls) {
        for offer in offers {
            match self.task.take() {
                Some(task) if offer.resources.contains(task.needs()) => {
                    calls.accept_for([offer.id], [task], Duration::ZERO);
                }
                task => {
                    self.task = task;
                    calls.decline(offer.id);
                }
            }
        }
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, calls: &mut Calls) {
        self.updates.push(update.clone());
        if update.state.is_terminal() {
            calls.stop();
        }
    }
}

pub(super) async fn run_at(master: &str, task: Task) -> Vec<StatusUpdate> {
    let once = Once {
        task: Some(task),
        updates: Vec::new(),
    };
    let driver = Driver::builder(once)
        .master(master)
        .name("data")
        .ephemeral()
        .build()
        .unwrap();
    let run = tokio::time::timeout(Duration::from_secs(90), driver.run());
    run.await.unwrap().unwrap().updates
}

/// Runs a task of this guest to its end, and says how it ended.
pub(super) async fn run(task: Task) -> StatusUpdate {
    run_at(shared_master(), task).await.pop().unwrap()
}

pub(super) fn task(guest_name: &str) -> Task {
    let module = format!("file:{}", guest(guest_name).display());
    Task::new(module.parse().unwrap())
        .cpu_millis(50)
        .mem_mib(16)
        .disk(DISK)
}

pub(super) async fn store() -> Artifacts {
    let wait = Duration::from_secs(30);
    Artifacts::connect(&[shared_master()], wait).await.unwrap()
}

pub(super) async fn upload(content: &[u8]) -> Digest {
    let kind = ArtifactKind::Blob;
    store()
        .await
        .upload_bytes("", content, kind)
        .await
        .unwrap()
        .digest
}

/// The bytes of an output: from the store, and the same inline if they are there.
pub(super) async fn download(output: &OutputFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    let downloaded = store()
        .await
        .download(output.digest, &mut bytes, |_, _| {})
        .await;
    assert_eq!(downloaded.unwrap(), output.size);
    assert!(
        output
            .content
            .as_ref()
            .is_none_or(|content| *content == bytes)
    );
    assert_eq!(output.content.is_some(), bytes.len() <= 4096);
    bytes
}

pub(super) fn header(entry_type: EntryType, name: &str, size: usize) -> Header {
    let mut header = Header::new_gnu();
    // The library refuses to write some of these names.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(entry_type);
    header.set_mode(0o644);
    header.set_size(size as u64);
    header.set_cksum();
    header
}

pub(super) fn tar_of(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (entry_type, name, content) in entries {
        builder
            .append(&header(*entry_type, name, content.len()), *content)
            .unwrap();
    }
    builder.into_inner().unwrap()
}

/// The files in a tar.
pub(super) fn files_in(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(tar);
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, content);
        }
    }
    files
}

pub(super) const FILE: EntryType = EntryType::Regular;
