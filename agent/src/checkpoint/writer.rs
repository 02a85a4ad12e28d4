//! The one thread that writes the log, in groups.
//!
//! It takes all that has gathered, writes it with one `write(2)`, answers what needs no more than
//! that, syncs once if anything needs it, and answers the rest. While it syncs, the next group
//! gathers in its queue.
//!
//! Answers come in the order of the sequence numbers, as the core expects: "this record and all
//! before it". So a record of class *written* behind an unsynced one waits for that sync; it would
//! gain little by an earlier one, and the order is what lets the core keep a plain queue. For the
//! same reason one thread is enough: whatever came in during a sync could not be answered before
//! its end anyway.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use stoker_agent_core::{Durability, Record};
use tokio::sync::{mpsc, watch};

use super::{
    error::CheckpointError,
    format,
    liveness::{Liveness, Subject},
    record,
    segments::Segments,
};

/// The groups that may wait for the thread; a driver that is further ahead waits itself.
const QUEUED_GROUPS: usize = 64;

/// A group is written when it has this many bytes, even if more is waiting.
const GROUP_BYTES: usize = 1 << 20;

/// As many segments as this call for a snapshot, however small they are: each start adds one.
const SEGMENTS: u64 = 8;

/// A record to write.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its number; one more than that of the entry before.
    pub(crate) sequence: u64,
    /// What to write.
    pub(crate) record: Record,
    /// What it must survive before it is answered.
    pub(crate) durability: Durability,
}

/// How far the log is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// All entries up to this sequence number are in the log, each in its class.
    pub(crate) persisted: u64,
    /// Why nothing more will be written, if so.
    pub(crate) failure: Option<String>,
}

/// What the log has done, for metrics.
#[derive(Debug, Default)]
pub(crate) struct LogCounters {
    /// Records written.
    pub(crate) records: AtomicU64,
    /// Bytes written.
    pub(crate) bytes: AtomicU64,
    /// Syncs.
    pub(crate) syncs: AtomicU64,
    /// Snapshots.
    pub(crate) snapshots: AtomicU64,
}

enum Command {
    Append(Vec<Entry>),
    Snapshot(Vec<Record>),
}

/// The log, as the driver sees it.
#[derive(Debug)]
pub(crate) struct CheckpointLog {
    commands: mpsc::Sender<Command>,
    progress: watch::Receiver<Progress>,
    wants_snapshot: Arc<AtomicBool>,
    counters: Arc<LogCounters>,
    thread: JoinHandle<()>,
    syncs_everything: bool,
}

impl CheckpointLog {
    /// Starts the thread.
    pub(super) fn start(mut writer: Writer) -> Self {
        let (commands, receiver) = mpsc::channel(QUEUED_GROUPS);
        let (sender, progress) = watch::channel(Progress::default());
        let wants_snapshot = Arc::clone(&writer.wants_snapshot);
        let counters = Arc::clone(&writer.counters);
        let thread = std::thread::spawn(move || writer.run(receiver, &sender));
        Self {
            commands,
            progress,
            wants_snapshot,
            counters,
            thread,
            syncs_everything: false,
        }
    }

    /// Has every entry synced from now on, whatever its class, if `syncs_everything`.
    pub(crate) fn syncing_everything(mut self, syncs_everything: bool) -> Self {
        self.syncs_everything = syncs_everything;
        self
    }

    /// Has the entries written, in order. Waits only if the disk is far behind.
    pub(crate) async fn append(&self, mut entries: Vec<Entry>) {
        if self.syncs_everything {
            for entry in &mut entries {
                entry.durability = Durability::Synced;
            }
        }
        self.send(Command::Append(entries)).await;
    }

    /// Replaces all that was appended until now by `records`.
    pub(crate) async fn replace(&self, records: Vec<Record>) {
        self.send(Command::Snapshot(records)).await;
    }

    async fn send(&self, command: Command) {
        // A thread that has ended has said why in its progress, which the driver watches.
        drop(self.commands.send(command).await);
    }

    /// How far the log is.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Whether it is time for [`replace`](Self::replace); says so once.
    pub(crate) fn wants_snapshot(&self) -> bool {
        self.wants_snapshot.swap(false, Ordering::Relaxed)
    }

    /// What it has done.
    pub(crate) fn counters(&self) -> Arc<LogCounters> {
        Arc::clone(&self.counters)
    }

    /// Writes and syncs what is left, and ends the thread.
    ///
    /// # Errors
    /// What went wrong in the thread.
    pub(crate) fn close(self) -> Result<(), String> {
        let Self {
            commands,
            progress,
            thread,
            ..
        } = self;
        drop(commands);
        if thread.join().is_err() {
            return Err("the thread that writes the checkpoint log panicked".to_owned());
        }
        match &progress.borrow().failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Writer {
    segments: Segments,
    liveness: Liveness,
    persisted: u64,
    buffer: Vec<u8>,
    wants_snapshot: Arc<AtomicBool>,
    counters: Arc<LogCounters>,
}

impl Writer {
    pub(super) fn new(segments: Segments, liveness: Liveness) -> Self {
        let wants_snapshot = segments.count() > SEGMENTS || liveness.calls_for_snapshot();
        Self {
            segments,
            liveness,
            persisted: 0,
            buffer: Vec::new(),
            wants_snapshot: Arc::new(AtomicBool::new(wants_snapshot)),
            counters: Arc::default(),
        }
    }

    fn run(&mut self, mut commands: mpsc::Receiver<Command>, progress: &watch::Sender<Progress>) {
        let result = self
            .work(&mut commands, progress)
            .and_then(|()| self.segments.sync());
        if let Err(error) = result {
            progress.send_modify(|progress| progress.failure = Some(error.to_string()));
        }
    }

    fn work(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        progress: &watch::Sender<Progress>,
    ) -> Result<(), CheckpointError> {
        let mut next = None;
        while let Some(command) = next.take().or_else(|| commands.blocking_recv()) {
            match command {
                Command::Snapshot(records) => self.replace(records)?,
                Command::Append(entries) => {
                    let mut needs_sync = false;
                    self.encode(entries, &mut needs_sync, progress)?;
                    while self.buffer.len() < GROUP_BYTES {
                        match commands.try_recv() {
                            Ok(Command::Append(entries)) => {
                                self.encode(entries, &mut needs_sync, progress)?;
                            }
                            Ok(snapshot) => {
                                next = Some(snapshot);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(needs_sync)?;
                }
            }
            self.answer(progress);
        }
        Ok(())
    }

    /// Encodes entries; once one of them needs a sync, those before it are written and answered.
    fn encode(
        &mut self,
        entries: Vec<Entry>,
        needs_sync: &mut bool,
        progress: &watch::Sender<Progress>,
    ) -> Result<(), CheckpointError> {
        for entry in entries {
            if entry.durability == Durability::Synced && !*needs_sync {
                self.commit(false)?;
                self.answer(progress);
                *needs_sync = true;
            }
            self.encode_record(entry.record)?;
            self.persisted = entry.sequence;
        }
        Ok(())
    }

    fn encode_record(&mut self, record: Record) -> Result<(), CheckpointError> {
        let subject = Subject::of(&record);
        let payload = record::encode(record);
        let before = self.buffer.len();
        if !format::encode_record(&payload, self.segments.synced(), &mut self.buffer) {
            return Err(CheckpointError::TooLong {
                bytes: payload.len(),
            });
        }
        self.liveness
            .add(subject, (self.buffer.len() - before) as u64);
        self.counters.records.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Writes what is encoded, and syncs it if asked.
    fn commit(&mut self, needs_sync: bool) -> Result<(), CheckpointError> {
        self.segments.append(&self.buffer)?;
        self.counters
            .bytes
            .fetch_add(self.buffer.len() as u64, Ordering::Relaxed);
        self.buffer.clear();
        if needs_sync {
            self.segments.sync()?;
            self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        }
        if self.segments.is_full() {
            self.segments.roll()?;
        }
        if self.segments.count() > SEGMENTS || self.liveness.calls_for_snapshot() {
            self.wants_snapshot.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn replace(&mut self, records: Vec<Record>) -> Result<(), CheckpointError> {
        self.liveness = Liveness::default();
        self.buffer.clear();
        for record in records {
            self.encode_record(record)?;
        }
        self.segments.replace(&self.buffer)?;
        // A snapshot may be far larger than any group.
        self.buffer = Vec::new();
        self.counters.snapshots.fetch_add(1, Ordering::Relaxed);
        self.wants_snapshot.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn answer(&self, progress: &watch::Sender<Progress>) {
        progress.send_if_modified(|progress| {
            let is_news = progress.persisted < self.persisted;
            progress.persisted = self.persisted;
            is_news
        });
    }
}
