//! A folder of a sandbox as a tar, made piece by piece.
//!
//! Owns the order (that of the paths) and what goes in: files and folders, nothing else, with no
//! more of their metadata than when they were written. A file goes in as long as it was when its
//! turn came, so a task may go on writing meanwhile.

use std::{
    collections::VecDeque,
    io::{self, Read as _},
};

use bytes::Bytes;
use cap_std::fs::File;
use stoker_types::{FileKind, SandboxPath, Timestamp, limit};

use super::{
    sandbox::{Opened, Sandbox, SandboxError, failure},
    walk::Found,
};

/// The most files and folders of one tar.
pub(super) const ENTRIES: usize = 100_000;
/// A tar consists of blocks of this size.
const BLOCK_BYTES: u64 = 512;
/// It ends with two of them that are empty.
const END: [u8; 1024] = [0; 1024];

/// A tar in the making.
#[derive(Debug)]
pub(super) struct Tar {
    sandbox: Sandbox,
    /// What the names of entries are relative to.
    base: SandboxPath,
    entries: VecDeque<Found>,
    /// Header, padding or end that is to go out next.
    pending: VecDeque<u8>,
    current: Option<Current>,
    is_ended: bool,
    left_out: u64,
}

/// The file whose bytes go out.
#[derive(Debug)]
struct Current {
    path: String,
    file: File,
    size: u64,
    remaining: u64,
}

impl Tar {
    pub(super) fn new(sandbox: Sandbox, base: SandboxPath, entries: Vec<Found>) -> Self {
        Self {
            sandbox,
            base,
            entries: entries.into(),
            pending: VecDeque::new(),
            current: None,
            is_ended: false,
            left_out: 0,
        }
    }

    /// How many entries were left out so far.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The next bytes; none after the last ones.
    pub(super) fn next(&mut self) -> Result<Bytes, SandboxError> {
        let mut out = Vec::with_capacity(limit::CHUNK_BYTES);
        while out.len() < limit::CHUNK_BYTES {
            let room = limit::CHUNK_BYTES - out.len();
            if !self.pending.is_empty() {
                let count = room.min(self.pending.len());
                out.extend(self.pending.drain(..count));
            } else if let Some(mut current) = self.current.take() {
                if current.remaining > 0 {
                    current.copy(room, &mut out)?;
                    self.current = Some(current);
                } else {
                    let padding = current.size.next_multiple_of(BLOCK_BYTES) - current.size;
                    self.pending.extend((0..padding).map(|_| 0));
                }
            } else if let Some(entry) = self.entries.pop_front() {
                self.enter(&entry)?;
            } else if self.is_ended {
                break;
            } else {
                self.is_ended = true;
                self.pending.extend(END);
            }
        }
        Ok(out.into())
    }

    /// Begins an entry, or leaves it out.
    fn enter(&mut self, entry: &Found) -> Result<(), SandboxError> {
        let path = entry.place.to_string();
        let Some(name) = name(&self.base, &entry.place) else {
            self.left_out += 1;
            return Ok(());
        };
        let (size, file) = match entry.kind {
            FileKind::Directory => (0, None),
            FileKind::Other => {
                self.left_out += 1;
                return Ok(());
            }
            FileKind::File => match self.sandbox.look(&entry.place) {
                Ok(Opened::File(file, metadata)) => (metadata.len(), Some(file)),
                // The task has removed or replaced it meanwhile.
                Ok(Opened::Folder) | Err(_) => {
                    self.left_out += 1;
                    return Ok(());
                }
            },
        };
        let slash = if entry.kind == FileKind::Directory {
            "/"
        } else {
            ""
        };
        let header = header(&format!("{name}{slash}"), entry.kind, size, entry.modified);
        self.pending
            .extend(header.map_err(|source| failure(&path, source))?);
        self.current = file.map(|file| Current {
            path,
            file,
            size,
            remaining: size,
        });
        Ok(())
    }
}

impl Current {
    fn copy(&mut self, room: usize, out: &mut Vec<u8>) -> Result<(), SandboxError> {
        let wanted = self.remaining.min(room as u64);
        let copied = (&mut self.file).take(wanted).read_to_end(out);
        let copied = copied.map_err(|source| failure(&self.path, source))? as u64;
        if copied < wanted {
            return Err(SandboxError::Shrunk(self.path.clone()));
        }
        self.remaining -= copied;
        Ok(())
    }
}

/// What an entry is called in the tar of `base`. In that of the whole sandbox a guest's own
/// `stdout` has no name.
fn name(base: &SandboxPath, place: &SandboxPath) -> Option<String> {
    match (base, place) {
        (SandboxPath::Guest(base), SandboxPath::Guest(path)) if !base.is_empty() => {
            Some(path.strip_prefix(base)?.strip_prefix('/')?.to_owned())
        }
        (SandboxPath::Guest(_), SandboxPath::Guest(path)) => Some(path.clone()),
        (_, place) => Some(place.to_string()).filter(|name| !name.starts_with("./")),
    }
}

/// The header blocks of an entry.
fn header(name: &str, kind: FileKind, size: u64, modified: Timestamp) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    let (entry_type, mode) = match kind {
        FileKind::Directory => (tar::EntryType::Directory, 0o755),
        FileKind::File | FileKind::Other => (tar::EntryType::Regular, 0o644),
    };
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(modified.as_micros() / 1_000_000);
    // The content goes out by itself; the builder knows how to write long names.
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, io::empty())?;
    Ok(std::mem::take(builder.get_mut()))
}
