//! A task's output on its way to the master, for someone who reads it.
//!
//! The file is looked at every 50 ms while its task lives. To be told of each write would take a
//! message from the runner for every write of a guest, or an inotify watch for a file that may not
//! exist yet; a look costs a microsecond, and there are no more of them than there are readers.
//! The end of the task is told at once, so that no reader waits for the next look then.
//!
//! A log that rotates is a row of files, and places in it are counted from the first byte that the
//! task wrote. A reader whose place is not kept any more is told how much it missed, and goes on.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use cap_std::{ambient_authority, fs::Dir};
use stoker_proto::v1::TransferChunk;
use stoker_types::{agent::OutputStream, limit, runner::output_file};
use tokio::{sync::watch, time::sleep};

use super::{
    outgoing::{Failure, Outgoing},
    parts,
};
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
    let mut output = Output {
        folder: folder.to_owned(),
        stream,
        part: None,
    };
    loop {
        // Asked before the look: what a task wrote before its end is there afterwards.
        let was_over = life.is_over();
        let (piece, same) = output.read(offset).await?;
        output = same;
        if !piece.is_empty() {
            offset += piece.lost + piece.data.len() as u64;
            let chunk = TransferChunk {
                data: piece.data,
                lost_bytes: piece.lost,
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

/// One stream, of which there need not be anything yet.
struct Output {
    folder: PathBuf,
    stream: OutputStream,
    /// The file that is being read, and where in the stream it begins.
    part: Option<(u64, File)>,
}

/// The next bytes of a stream.
#[derive(Default)]
struct Piece {
    /// How many in front of them are not kept any more.
    lost: u64,
    data: Bytes,
}

impl Piece {
    const fn is_empty(&self) -> bool {
        self.lost == 0 && self.data.is_empty()
    }
}

impl Output {
    /// The next bytes from `offset` on; none if there are none (yet).
    async fn read(self, offset: u64) -> Result<(Piece, Self), Failure> {
        let (folder, stream) = (self.folder.clone(), self.stream);
        tokio::task::spawn_blocking(move || self.read_now(offset))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| {
                let path = folder.join(output_file(stream, 0));
                Failure::Told(format!("the agent cannot read {}: {error}", path.display()))
            })
    }

    fn read_now(mut self, offset: u64) -> io::Result<(Piece, Self)> {
        loop {
            let data = self.read_part(offset)?;
            if !data.is_empty() {
                return Ok((Piece { lost: 0, data }, self));
            }
            let Some(begin) = self.next_begin(offset)? else {
                return Ok((Piece::default(), self));
            };
            // Where a later file begins, this one is complete: what came into it since it was
            // looked at is read first.
            let data = self.read_part(offset)?;
            if !data.is_empty() {
                return Ok((Piece { lost: 0, data }, self));
            }
            let Some(sandbox) = open_folder(&self.folder)? else {
                return Ok((Piece::default(), self));
            };
            match parts::open(&sandbox, self.stream, begin) {
                Ok(file) => self.part = Some((begin, file.into_std())),
                // Rotation was faster: there is a later one.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            if let Some(lost) = begin.checked_sub(offset).filter(|lost| *lost > 0) {
                let data = Bytes::new();
                return Ok((Piece { lost, data }, self));
            }
        }
    }

    /// Where the file begins that has the byte at `offset`, or what is left after it; none if that
    /// is the one that is being read, or there is none.
    fn next_begin(&self, offset: u64) -> io::Result<Option<u64>> {
        let Some(sandbox) = open_folder(&self.folder)? else {
            return Ok(None);
        };
        let begins = parts::begins(&sandbox, self.stream)?;
        let before = begins.iter().rev().find(|begin| **begin <= offset);
        let next = before.or_else(|| begins.first()).copied();
        let current = self.part.as_ref().map(|(begin, _)| *begin);
        Ok(next.filter(|next| Some(*next) != current))
    }

    /// What the current file has from `offset` on.
    fn read_part(&self, offset: u64) -> io::Result<Bytes> {
        let Some((begin, file)) = &self.part else {
            return Ok(Bytes::new());
        };
        let Some(within) = offset.checked_sub(*begin) else {
            return Ok(Bytes::new());
        };
        let mut bytes = vec![0; limit::CHUNK_BYTES];
        let length = file.read_at(&mut bytes, within)?;
        bytes.truncate(length);
        Ok(bytes.into())
    }
}

/// A task that wrote nothing has no sandbox.
fn open_folder(path: &Path) -> io::Result<Option<Dir>> {
    match Dir::open_ambient_dir(path, ambient_authority()) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
