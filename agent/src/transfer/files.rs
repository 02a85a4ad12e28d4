//! Lists of files, and files, of a task's sandbox on their way to the master.
//!
//! Whatever touches the disk runs on threads that may block, one piece at a time: a reader that is
//! slow holds no thread.

use std::{io::Read as _, path::PathBuf};

use bytes::Bytes;
use stoker_proto::v1::{self, TransferChunk};
use stoker_types::{FileKind, SandboxPath, TaskKey, limit};
use tokio::sync::Semaphore;

use super::{
    outgoing::{Failure, Outgoing},
    parts::Content,
    sandbox::{Opened, Sandbox, SandboxError, failure},
    tar::{self, Tar},
    walk::{Bounds, Found},
};

/// What a listing holds.
const LISTING: Bounds = Bounds {
    entries: limit::LISTED_FILES,
    path_bytes: 4 << 20,
};
/// What a tar holds.
const TAR: Bounds = Bounds {
    entries: tar::ENTRIES,
    path_bytes: 16 << 20,
};
/// The bytes of paths in one message of a listing.
const BATCH_BYTES: usize = limit::CHUNK_BYTES;

/// A place in a task's sandbox.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) sandboxes: PathBuf,
    pub(super) task: TaskKey,
    pub(super) path: SandboxPath,
}

/// Sends a list of files; says how many it leaves out.
pub(super) async fn send_listing(
    outgoing: &mut Outgoing,
    place: Place,
    recursive: bool,
) -> Result<u64, Failure> {
    let (found, left_out) = blocking(move || list(&place, recursive)).await?;
    let mut batch = Vec::new();
    let mut bytes = 0;
    for found in found {
        let entry = v1::FileEntry::from(stoker_types::FileEntry::from(found));
        bytes += entry.path.len();
        batch.push(entry);
        if batch.len() == limit::LISTED_FILES_PER_BATCH || bytes >= BATCH_BYTES {
            outgoing.send(entries(std::mem::take(&mut batch))).await?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        outgoing.send(entries(batch)).await?;
    }
    Ok(left_out)
}

fn entries(entries: Vec<v1::FileEntry>) -> TransferChunk {
    TransferChunk {
        entries,
        ..TransferChunk::default()
    }
}

fn list(place: &Place, recursive: bool) -> Result<(Vec<Found>, u64), SandboxError> {
    match Sandbox::open(&place.sandboxes, &place.task)? {
        Some(sandbox) => sandbox.walk(&place.path, recursive, LISTING),
        // What was never made is as good as empty.
        None if place.path == SandboxPath::Everything => Ok((Vec::new(), 0)),
        None => Err(SandboxError::NoSandbox),
    }
}

/// Sends a file from `offset` on, or a folder as a tar; says how many entries that leaves out.
/// Those that hold a list of files are bounded by `lists`.
pub(super) async fn send_file(
    outgoing: &mut Outgoing,
    place: Place,
    offset: u64,
    lists: &Semaphore,
) -> Result<u64, Failure> {
    let wanted = place.path.clone();
    match blocking(move || open(&place, offset)).await? {
        Source::File(file) => send_all(outgoing, FileKind::File, Reading::File(file)).await,
        Source::Folder(sandbox) => {
            // Never closed.
            let _permit = lists.acquire().await;
            let tar = blocking(move || open_tar(sandbox, wanted)).await?;
            send_all(outgoing, FileKind::Directory, Reading::Tar(Box::new(tar))).await
        }
    }
}

/// What is at the place that is wanted.
enum Source {
    File(OneFile),
    Folder(Sandbox),
}

fn open(place: &Place, offset: u64) -> Result<Source, SandboxError> {
    let sandbox = Sandbox::open(&place.sandboxes, &place.task)?.ok_or(SandboxError::NoSandbox)?;
    let path = place.path.to_string();
    match sandbox.look(&place.path)? {
        Opened::File(content, _) => OneFile::at(path, content, offset).map(Source::File),
        Opened::Folder if offset > 0 => Err(SandboxError::OffsetOfFolder(path)),
        Opened::Folder => Ok(Source::Folder(sandbox)),
    }
}

fn open_tar(sandbox: Sandbox, place: SandboxPath) -> Result<Tar, SandboxError> {
    let (found, left_out) = sandbox.walk(&place, true, TAR)?;
    if left_out > 0 {
        return Err(SandboxError::TooMany(place.to_string()));
    }
    Ok(Tar::new(sandbox, place, found))
}

/// What is sent piece by piece.
enum Reading {
    File(OneFile),
    Tar(Box<Tar>),
}

impl Reading {
    fn next(&mut self) -> Result<Bytes, SandboxError> {
        match self {
            Self::File(file) => file.next(),
            Self::Tar(tar) => tar.next(),
        }
    }

    const fn left_out(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::Tar(tar) => tar.left_out(),
        }
    }
}

async fn send_all(
    outgoing: &mut Outgoing,
    kind: FileKind,
    mut reading: Reading,
) -> Result<u64, Failure> {
    let first = TransferChunk {
        kind: v1::FileKind::from(kind).into(),
        ..TransferChunk::default()
    };
    outgoing.send(first).await?;
    loop {
        let (data, same) = blocking(move || Ok((reading.next()?, reading))).await?;
        reading = same;
        if data.is_empty() {
            return Ok(reading.left_out());
        }
        let chunk = TransferChunk {
            data,
            ..TransferChunk::default()
        };
        outgoing.send(chunk).await?;
    }
}

/// A file that is sent.
struct OneFile {
    path: String,
    rest: Content,
}

impl OneFile {
    fn at(path: String, mut rest: Content, offset: u64) -> Result<Self, SandboxError> {
        match rest.skip(offset) {
            Ok(()) => Ok(Self { path, rest }),
            Err(source) => Err(failure(&path, source)),
        }
    }

    /// The next bytes; none after the last ones.
    fn next(&mut self) -> Result<Bytes, SandboxError> {
        let mut data = Vec::with_capacity(limit::CHUNK_BYTES);
        let mut chunk = (&mut self.rest).take(limit::CHUNK_BYTES as u64);
        match chunk.read_to_end(&mut data) {
            Ok(_) => Ok(data.into()),
            Err(source) => Err(failure(&self.path, source)),
        }
    }
}

/// Does what touches the disk; what fails is told to the reader.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::Told(error.to_string())),
        Err(error) => Err(Failure::Told(format!("the agent failed: {error}"))),
    }
}
