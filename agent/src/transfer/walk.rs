//! What is in a folder of a sandbox, in the order of paths and within bounds.
//!
//! A guest chose the names and their number. Links are found and never followed.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use cap_std::fs::Dir;
use stoker_types::{FileEntry, FileKind, SandboxPath, Timestamp, limit};

use super::{
    parts::Seen,
    sandbox::{SandboxError, failure},
};
use crate::tar_stream::DEPTH;

/// What a name takes beside its bytes, about.
const NAME_OVERHEAD_BYTES: usize = 16;

/// How much a walk may find.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In entries.
    pub(super) entries: usize,
    /// In bytes of their paths, and of the names that wait for their turn, together.
    pub(super) path_bytes: usize,
}

/// A file that a walk found.
#[derive(Debug)]
pub(super) struct Found {
    /// Where.
    pub(super) place: SandboxPath,
    /// What.
    pub(super) kind: FileKind,
    /// When it was last written.
    pub(super) modified: Timestamp,
    size: u64,
}

impl From<Found> for FileEntry {
    fn from(found: Found) -> Self {
        Self {
            path: found.place.to_string(),
            kind: found.kind,
            size: found.size,
            modified: found.modified,
        }
    }
}

/// A walk under way.
#[derive(Debug)]
pub(super) struct Walk {
    recursive: bool,
    bounds: Bounds,
    found: Vec<Found>,
    left_out: u64,
}

impl Walk {
    pub(super) const fn new(recursive: bool, bounds: Bounds) -> Self {
        Self {
            recursive,
            bounds,
            found: Vec::new(),
            left_out: 0,
        }
    }

    /// What was found, and how much was left out for the bounds, at least.
    pub(super) fn finish(self) -> (Vec<Found>, u64) {
        (self.found, self.left_out)
    }

    /// Takes what is in folders that are one together: of the same name, the first one has it.
    pub(super) fn folders(&mut self, folders: &[&Dir]) -> Result<(), SandboxError> {
        let mut names = BTreeMap::new();
        let mut held_by_all = 0;
        for folder in folders {
            let (some, held) = self.names(folder, names.len())?;
            held_by_all += held;
            for name in some {
                names.entry(name).or_insert(*folder);
            }
        }
        for (name, folder) in names {
            self.entry(folder, &name, "", 0)?;
        }
        self.bounds.path_bytes += held_by_all;
        Ok(())
    }

    /// Takes what is in the guest's folder at `path`.
    pub(super) fn folder(&mut self, folder: &Dir, path: &str) -> Result<(), SandboxError> {
        self.nested(folder, path, 0)
    }

    fn nested(&mut self, folder: &Dir, path: &str, depth: usize) -> Result<(), SandboxError> {
        if depth > DEPTH {
            self.left_out += 1;
            return Ok(());
        }
        let (names, held) = self.names(folder, 0)?;
        for name in names {
            self.entry(folder, &name, path, depth)?;
        }
        self.bounds.path_bytes += held;
        Ok(())
    }

    /// Takes one entry and what is in it. What vanishes meanwhile is not there.
    fn entry(
        &mut self,
        folder: &Dir,
        name: &OsStr,
        path: &str,
        depth: usize,
    ) -> Result<(), SandboxError> {
        let Ok(metadata) = folder.symlink_metadata(name) else {
            return Ok(());
        };
        let name_text = name.to_string_lossy();
        let inner = match path {
            "" => name_text.into_owned(),
            path => format!("{path}/{name_text}"),
        };
        self.take(SandboxPath::Guest(inner.clone()), Seen::of(&metadata));
        if metadata.is_dir() && self.recursive {
            match folder.open_dir(name) {
                Ok(next) => self.nested(&next, &inner, depth + 1)?,
                Err(_gone_or_swapped) => self.left_out += 1,
            }
        }
        Ok(())
    }

    /// The names in a folder in order, as far as there is room for them beside `others`, and the
    /// bytes that they hold from now on.
    fn names(
        &mut self,
        folder: &Dir,
        others: usize,
    ) -> Result<(Vec<OsString>, usize), SandboxError> {
        let room = self
            .bounds
            .entries
            .saturating_sub(self.found.len() + others);
        let (mut names, mut held) = (Vec::new(), 0);
        let read = |source| failure(".", source);
        for entry in folder.entries().map_err(read)? {
            let name = entry.map_err(read)?.file_name();
            let bytes = name.len() + NAME_OVERHEAD_BYTES;
            if names.len() == room || held + bytes > self.bounds.path_bytes {
                self.left_out += 1;
                break;
            }
            held += bytes;
            names.push(name);
        }
        self.bounds.path_bytes -= held;
        names.sort_unstable();
        Ok((names, held))
    }

    /// Takes one file.
    pub(super) fn take(&mut self, place: SandboxPath, seen: Seen) {
        let bytes = place_bytes(&place);
        let has_room = self.found.len() < self.bounds.entries
            && bytes <= self.bounds.path_bytes
            && bytes <= limit::LISTED_PATH_BYTES;
        if !has_room {
            self.left_out += 1;
            return;
        }
        self.bounds.path_bytes -= bytes;
        let is_file = seen.kind == FileKind::File;
        self.found.push(Found {
            place,
            kind: seen.kind,
            size: if is_file { seen.size } else { 0 },
            modified: seen.modified,
        });
    }
}

fn place_bytes(place: &SandboxPath) -> usize {
    match place {
        SandboxPath::Everything | SandboxPath::Output(_) => 0,
        SandboxPath::Guest(path) => path.len(),
    }
}
