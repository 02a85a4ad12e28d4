//! What becomes of sandboxes whose tasks have ended: they are kept for a time, and go before it
//! when the disk is full.
//!
//! Owns the rhythm and the removing. What goes is decided in `collection`; that none is in use is
//! made sure by `known_tasks`, under whose lock a sandbox is moved away. The time since a task's
//! end is that since the last change of its sandbox's folder, which is set anew at each look while
//! the task lives: so it survives the daemon, and so do sandboxes that an earlier one left.

mod collection;
mod removal;

use std::{
    fs::{self, File, FileTimes},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use stoker_types::{TaskKey, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use self::collection::{Kept, oldest_first, removal};
pub(crate) use self::{
    collection::Removal,
    removal::{discard, empty},
};
use crate::known_tasks::{Knowledge, KnownTasks};

/// The longest time between two looks, and the shortest.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(100));

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct SandboxCounters {
    /// Sandboxes that there were at the latest look, those of living tasks among them.
    pub(crate) present: AtomicU64,
    /// Removed because their time was over.
    pub(crate) expired: AtomicU64,
    /// Removed because space was short.
    pub(crate) evicted: AtomicU64,
}

/// What collects.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    /// The folder of all sandboxes.
    pub(crate) sandboxes: PathBuf,
    /// On the same disk: where they are moved to be removed.
    pub(crate) removed: PathBuf,
    /// Who knows which are in use.
    pub(crate) known_tasks: Arc<KnownTasks>,
    /// How long they are kept.
    pub(crate) retention: Duration,
    /// The bytes that are to be free on their disk.
    pub(crate) min_free: u64,
    /// Where it is counted.
    pub(crate) counters: Arc<SandboxCounters>,
}

impl Collector {
    /// Collects for ever.
    pub(crate) async fn run(self) {
        let (most, least) = LOOK_EVERY;
        let mut looks = interval((self.retention / 8).clamp(least, most));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let collector = self.clone();
            let looked = tokio::task::spawn_blocking(move || collector.collect()).await;
            match looked.map_err(io::Error::other).flatten() {
                Ok(()) => {}
                // The next look tries again.
                Err(error) => tracing::error!(%error, "sandboxes could not be collected"),
            }
        }
    }

    fn collect(&self) -> io::Result<()> {
        let now = timestamp(SystemTime::now());
        for kept in oldest_first(self.look()?) {
            let space = (free(&self.sandboxes)?, self.min_free);
            let Some(why) = removal(&kept, now, self.retention, space) else {
                // Those that follow were left later.
                break;
            };
            // One that does not go must not keep the others.
            if let Err(error) = self.remove(&kept.task, why) {
                tracing::error!(task = %kept.task, %error, "a sandbox cannot be removed");
            }
        }
        Ok(())
    }

    /// The sandboxes of tasks that are not alive. Notes of the others that they are in use.
    fn look(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        let mut present = 0;
        for framework in fs::read_dir(&self.sandboxes)? {
            let framework = framework?;
            if !framework.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(framework.path())? {
                let entry = entry?;
                let (framework, name) = (framework.file_name(), entry.file_name());
                let Some(task) = task_key(&framework.to_string_lossy(), &name.to_string_lossy())
                else {
                    continue;
                };
                present += 1;
                if matches!(self.known_tasks.look(&task), Knowledge::Alive(_)) {
                    touch(&entry.path());
                } else if let Ok(metadata) = entry.metadata() {
                    let left_at = timestamp(metadata.modified()?);
                    kept.push(Kept { task, left_at });
                }
            }
        }
        self.counters.present.store(present, Relaxed);
        Ok(kept)
    }

    /// Removes a sandbox, unless it is in use.
    fn remove(&self, task: &TaskKey, why: Removal) -> io::Result<()> {
        let sandbox = crate::data_directory::sandbox(&self.sandboxes, task);
        fs::create_dir_all(&self.removed)?;
        let away = tempfile::TempDir::new_in(&self.removed)?;
        let moved = self.known_tasks.remove_unused(task, why, |is_last| {
            fs::rename(&sandbox, away.path().join("sandbox"))?;
            if let Some(framework) = sandbox.parent().filter(|_| is_last) {
                // It holds another sandbox, perhaps: then it stays.
                drop(fs::remove_dir(framework));
            }
            Ok(())
        });
        match moved {
            None => return Ok(()),
            Some(moved) => moved?,
        }
        let counter = match why {
            Removal::Expired(_) => &self.counters.expired,
            Removal::Evicted => &self.counters.evicted,
        };
        counter.fetch_add(1, Relaxed);
        tracing::debug!(%task, ?why, "a sandbox is removed");
        empty(away.path())?;
        away.close()
    }
}

fn task_key(framework: &str, task: &str) -> Option<TaskKey> {
    Some(TaskKey {
        framework_id: framework.parse().ok()?,
        task_id: task.parse().ok()?,
    })
}

/// Sets the time of the last change to now. Best effort: the task may end at any time.
fn touch(folder: &Path) {
    let now = FileTimes::new().set_modified(SystemTime::now());
    drop(File::open(folder).and_then(|folder| folder.set_times(now)));
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::default().after(since_1970.unwrap_or_default())
}

/// The bytes that are free where `folder` lies.
fn free(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests;
