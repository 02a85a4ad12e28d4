//! The thread that writes the log, in groups.
//!
//! It takes all that has gathered, writes it with one `write(2)`, and answers what needs no more
//! than that. What needs a sync is left to a second thread (`syncer`), one sync for all that was
//! written until then: so a start never waits for the sync of another task's end.

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
    syncer::Syncer,
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
    /// All entries up to this one are written; the last one of them needs no more.
    pub(crate) written: u64,
    /// All entries up to this one are written.
    appended: u64,
    /// The last one that needs a sync is not after this one.
    to_sync: u64,
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
        let thread = std::thread::spawn(move || writer.run(receiver, sender));
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
    /// The last entry that is encoded,
    appended: u64,
    /// and the last one of class *written* among those.
    written: u64,
    /// Whether an entry that is encoded needs a sync, and none was asked for since.
    needs_sync: bool,
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
            appended: 0,
            written: 0,
            needs_sync: false,
            buffer: Vec::new(),
            wants_snapshot: Arc::new(AtomicBool::new(wants_snapshot)),
            counters: Arc::default(),
        }
    }

    fn run(&mut self, mut commands: mpsc::Receiver<Command>, progress: watch::Sender<Progress>) {
        let progress = Arc::new(progress);
        let syncer = Syncer::start(Arc::clone(&progress), Arc::clone(&self.counters));
        let result = self
            .work(&mut commands, &progress, &syncer)
            .and_then(|()| syncer.end())
            .and_then(|()| self.segments.sync());
        if let Err(error) = result {
            progress.send_modify(|progress| progress.fail(error.to_string()));
        }
    }

    fn work(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        progress: &watch::Sender<Progress>,
        syncer: &Syncer,
    ) -> Result<(), CheckpointError> {
        let mut next = None;
        while let Some(command) = next.take().or_else(|| commands.blocking_recv()) {
            match command {
                Command::Snapshot(records) => {
                    self.replace(records)?;
                    progress.send_modify(Progress::all_is_synced);
                }
                Command::Append(entries) => {
                    self.encode(entries)?;
                    while self.buffer.len() < GROUP_BYTES {
                        match commands.try_recv() {
                            Ok(Command::Append(entries)) => self.encode(entries)?,
                            Ok(snapshot) => {
                                next = Some(snapshot);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(progress, syncer)?;
                }
            }
        }
        Ok(())
    }

    fn encode(&mut self, entries: Vec<Entry>) -> Result<(), CheckpointError> {
        for entry in entries {
            match entry.durability {
                Durability::Synced => self.needs_sync = true,
                Durability::Written => self.written = entry.sequence,
            }
            self.encode_record(entry.record)?;
            self.appended = entry.sequence;
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

    /// Writes what is encoded and says so, and has it synced if anything in it needs that.
    fn commit(
        &mut self,
        progress: &watch::Sender<Progress>,
        syncer: &Syncer,
    ) -> Result<(), CheckpointError> {
        self.segments.append(&self.buffer)?;
        self.counters
            .bytes
            .fetch_add(self.buffer.len() as u64, Ordering::Relaxed);
        self.buffer.clear();
        let needs_sync = std::mem::take(&mut self.needs_sync);
        let (written, appended) = (self.written, self.appended);
        progress.send_if_modified(|progress| progress.append(written, appended, needs_sync));
        if needs_sync {
            syncer.sync(self.segments.unsynced(), appended);
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
}

impl Progress {
    /// Entries are written. Says whether that answers any.
    pub(super) fn append(&mut self, written: u64, appended: u64, needs_sync: bool) -> bool {
        let before = (self.written, self.persisted);
        self.written = self.written.max(written);
        self.appended = appended;
        if needs_sync {
            self.to_sync = appended;
        }
        self.settle();
        before != (self.written, self.persisted)
    }

    /// All entries up to this one are synced.
    pub(super) fn synced(&mut self, sequence: u64) {
        self.persisted = self.persisted.max(sequence);
        self.settle();
    }

    fn all_is_synced(&mut self) {
        self.synced(self.to_sync);
    }

    /// With nothing left to sync, everything is in its class.
    fn settle(&mut self) {
        if self.persisted >= self.to_sync {
            self.persisted = self.persisted.max(self.appended);
        }
    }

    /// Nothing more will be written. Only the first reason counts.
    pub(super) fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }
}
