//! The thread that syncs the log, one sync for all that was written until then.
//!
//! While it syncs, further writes gather; the next sync is of all of them. The first failure is the
//! last sync: the kernel may have dropped what it could not bring to the disk, so trying again would
//! confirm what is lost.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    thread::JoinHandle,
};

use tokio::sync::watch;

use super::{
    error::CheckpointError,
    segments::Unsynced,
    writer::{LogCounters, Progress},
};

/// What is to be synced: a segment, and the entry up to which all is in it or in earlier ones.
type Request = (Unsynced, u64);

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Syncer {
    requests: mpsc::Sender<Request>,
    thread: JoinHandle<()>,
}

impl Syncer {
    /// Starts the thread. It says in `progress` how far it is.
    pub(super) fn start(
        progress: Arc<watch::Sender<Progress>>,
        counters: Arc<LogCounters>,
    ) -> Self {
        let (requests, queue) = mpsc::channel::<Request>();
        let thread = std::thread::spawn(move || {
            while let Ok(request) = queue.recv() {
                // Whoever begins a segment has synced the one before: the latest request is enough.
                let (unsynced, sequence) = queue.try_iter().last().unwrap_or(request);
                if let Err(error) = unsynced.sync() {
                    progress.send_modify(|progress| progress.fail(error.to_string()));
                    return;
                }
                counters.syncs.fetch_add(1, Ordering::Relaxed);
                progress.send_modify(|progress| progress.synced(sequence));
            }
        });
        Self { requests, thread }
    }

    /// Has a segment synced, which then holds all entries up to `sequence` that earlier ones do not.
    pub(super) fn sync(&self, unsynced: Unsynced, sequence: u64) {
        // A thread that has ended has said why.
        drop(self.requests.send((unsynced, sequence)));
    }

    /// Syncs what was asked for, and ends the thread.
    pub(super) fn end(self) -> Result<(), CheckpointError> {
        drop(self.requests);
        self.thread.join().map_err(|_| CheckpointError::SyncerGone)
    }
}
