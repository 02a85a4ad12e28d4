//! A task's output on its way to the master, for someone who reads it.
//!
//! The file is looked at every 50 ms while its task lives. To be told of each write would take a
//! message from the runner for every write of a guest, or an inotify watch for a file that may not
//! exist yet; a look costs a microsecond, and there are no more of them than there are readers.
//! The end of the task is told at once, so that no reader waits for the next look then.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use stoker_proto::v1::TransferChunk;
use stoker_types::{agent::OutputStream, limit};
use tokio::{sync::watch, time::sleep};

use super::outgoing::{Failure, Outgoing};
use crate::known_tasks::Knowledge;

/// How often the file of a living task is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Sends a stream of the task in `folder` from `offset` on: what is there, or with `follow` all
/// until the task has ended.
pub(super) async fn send(
    outgoing: &mut Outgoing,
    folder: &Path,
    knowledge: Knowledge,
    stream: OutputStream,
    (mut offset, follow): (u64, bool),
) -> Result<(), Failure> {
    let mut life = Life::of(knowledge);
    let path = folder.join(match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    });
    let mut output = Output { path, file: None };
    loop {
        // Asked before the look: what a task wrote before its end is there afterwards.
        let was_over = life.is_over();
        let (data, same) = output.read(offset).await?;
        output = same;
        if !data.is_empty() {
            offset += data.len() as u64;
            let chunk = TransferChunk {
                data,
                ..TransferChunk::default()
            };
            outgoing.send(chunk).await?;
        } else if was_over || !follow {
            return Ok(());
        } else {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = life.end() => {}
                () = outgoing.closed() => return Err(Failure::ReaderIsGone),
            }
        }
    }
}

/// Whether more output may come.
struct Life {
    end: Option<watch::Receiver<bool>>,
}

impl Life {
    fn of(knowledge: Knowledge) -> Self {
        let end = match knowledge {
            Knowledge::Alive(end) => Some(end),
            Knowledge::Over | Knowledge::Unknown => None,
        };
        Self { end }
    }

    fn is_over(&self) -> bool {
        // A sender that is gone belonged to a task that is gone.
        self.end
            .as_ref()
            .is_none_or(|end| *end.borrow() || end.has_changed().is_err())
    }

    async fn end(&mut self) {
        if let Some(end) = &mut self.end {
            // Either way it is over.
            drop(end.wait_for(|is_over| *is_over).await);
        }
    }
}

/// One output file, which need not exist yet.
struct Output {
    path: PathBuf,
    file: Option<File>,
}

impl Output {
    /// The next bytes from `offset` on; none if there are none (yet).
    async fn read(self, offset: u64) -> Result<(Bytes, Self), Failure> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || self.read_now(offset))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| {
                Failure::Told(format!("the agent cannot read {}: {error}", path.display()))
            })
    }

    fn read_now(mut self, offset: u64) -> io::Result<(Bytes, Self)> {
        if self.file.is_none() {
            self.file = open(&self.path)?;
        }
        let Some(file) = &self.file else {
            return Ok((Bytes::new(), self));
        };
        let mut bytes = vec![0; limit::CHUNK_BYTES];
        let length = file.read_at(&mut bytes, offset)?;
        bytes.truncate(length);
        Ok((bytes.into(), self))
    }
}

/// A task that wrote nothing has no file.
fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
