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
use stoker_types::{FileKind, SandboxPath, limit};

use super::{
    parts,
    sandbox::{Opened, Sandbox, SandboxError, failure},
    walk::Found,
};
use crate::tar_stream::{Content, TarStream};

/// The most files and folders of one tar: as many as an input or an output may hold.
pub(super) const ENTRIES: usize = limit::TAR_ENTRIES;

/// A tar in the making.
#[derive(Debug)]
pub(super) struct Tar {
    sandbox: Sandbox,
    /// What the names of entries are relative to.
    base: SandboxPath,
    entries: VecDeque<Found>,
    stream: TarStream<parts::Content>,
    /// The entry whose bytes go out.
    path: String,
    left_out: u64,
}

impl Tar {
    pub(super) fn new(sandbox: Sandbox, base: SandboxPath, entries: Vec<Found>) -> Self {
        Self {
            sandbox,
            base,
            entries: entries.into(),
            stream: TarStream::new(),
            path: String::new(),
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
            let room = (limit::CHUNK_BYTES - out.len()) as u64;
            let read = (&mut self.stream).take(room).read_to_end(&mut out);
            if read.map_err(|source| self.unreadable(source))? > 0 {
                continue;
            }
            match self.entries.pop_front() {
                Some(entry) => self.enter(&entry)?,
                None if self.stream.is_ended() => break,
                None => self.stream.end(),
            }
        }
        Ok(out.into())
    }

    fn unreadable(&self, source: io::Error) -> SandboxError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => SandboxError::Shrunk(self.path.clone()),
            _ => failure(&self.path, source),
        }
    }

    /// Begins an entry, or leaves it out.
    fn enter(&mut self, entry: &Found) -> Result<(), SandboxError> {
        let Some(name) = name(&self.base, &entry.place) else {
            self.left_out += 1;
            return Ok(());
        };
        let content = match entry.kind {
            FileKind::Directory => Content::Directory,
            FileKind::Other => {
                self.left_out += 1;
                return Ok(());
            }
            FileKind::File => match self.sandbox.look(&entry.place) {
                Ok(Opened::File(content, seen)) => Content::File(content, seen.size),
                // The task has removed or replaced it meanwhile.
                Ok(Opened::Folder) | Err(_) => {
                    self.left_out += 1;
                    return Ok(());
                }
            },
        };
        self.path = entry.place.to_string();
        let modified = entry.modified.as_micros() / 1_000_000;
        let entered = self.stream.enter(&name, content, modified);
        entered.map_err(|source| failure(&self.path, source))
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
