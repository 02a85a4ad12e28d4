//! Opens what a guest left, beneath its folder and through no link.
//!
//! Owns what counts as an output: a regular file, or a directory of regular files and directories,
//! within bounds. Each name of a path is opened in the directory before it, so that nothing that a
//! guest makes of its folder leads anywhere else.

use std::{fs::File, io, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode, openat, statat},
    io::Errno,
};
use stoker_types::limit;

use crate::tar_stream::DEPTH;

/// The longest name of an entry, as for inputs.
const PATH_BYTES: usize = limit::PATH_BYTES;
/// The names in one directory together: they are held in memory.
const NAMES_BYTES: usize = 16 << 20;

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// A pipe would wait for its other end.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Why there is no output at a path.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    /// Nothing that could be one is there.
    #[error("{0}")]
    Missing(String),
    /// What is there is not taken.
    #[error("{0}")]
    Refused(String),
}

impl FindError {
    fn missing(problem: impl Into<String>) -> Self {
        Self::Missing(problem.into())
    }

    fn refused(problem: impl Into<String>) -> Self {
        Self::Refused(problem.into())
    }
}

/// What is at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// A file of this size.
    File(File, u64),
    /// A directory.
    Directory(OwnedFd),
}

/// One entry of a directory, by its path in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    /// Its size, if it is a file; a directory has none.
    pub(super) size: Option<u64>,
}

/// Opens what is at `path` beneath the guest's folder.
pub(super) fn find(work: &Path, path: &str) -> Result<Found, FindError> {
    let folder = openat(CWD, work, FOLDER, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => FindError::missing("is not there: the task has no folder"),
        error => unreadable(error),
    })?;
    open(folder, path)
}

/// Opens what is at `path` beneath a folder.
pub(super) fn open(mut folder: OwnedFd, path: &str) -> Result<Found, FindError> {
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    for parent in parents.split('/').filter(|parent| !parent.is_empty()) {
        folder = openat(&folder, parent, FOLDER, Mode::empty()).map_err(not_opened)?;
    }
    let stat = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(not_opened)?;
    match kind(stat.st_mode) {
        FileType::Directory => {
            let directory = openat(&folder, name, FOLDER, Mode::empty()).map_err(not_opened)?;
            Ok(Found::Directory(directory))
        }
        FileType::RegularFile => {
            let file = openat(&folder, name, FILE, Mode::empty()).map_err(not_opened)?;
            let file = File::from(file);
            let size = file.metadata().map_err(|error| failed(&error))?.len();
            check_size(size)?;
            Ok(Found::File(file, size))
        }
        FileType::Symlink => Err(FindError::missing("is a link, which is not followed")),
        _ => Err(FindError::missing("is neither a file nor a directory")),
    }
}

/// All that is in a directory, in an order that follows from the names alone.
pub(super) fn walk(directory: &OwnedFd) -> Result<Vec<Entry>, FindError> {
    let mut walk = Walk::default();
    walk.folder(directory, "", 0)?;
    Ok(walk.entries)
}

#[derive(Default)]
struct Walk {
    entries: Vec<Entry>,
    names_bytes: usize,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, folder: &OwnedFd, path: &str, depth: usize) -> Result<(), FindError> {
        for name in self.names(folder)? {
            let inner = match path {
                "" => name.clone(),
                path => format!("{path}/{name}"),
            };
            let stat = statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(unreadable)?;
            let kind = kind(stat.st_mode);
            let size = match kind {
                FileType::RegularFile => Some(u64::try_from(stat.st_size).unwrap_or_default()),
                FileType::Directory => None,
                _ => {
                    let problem = format!(
                        "holds {inner:?}, which is a link or a device: only files and directories \
                         are taken"
                    );
                    return Err(FindError::Refused(problem));
                }
            };
            self.take(inner.clone(), size, depth + 1)?;
            if kind == FileType::Directory {
                let next = openat(folder, &name, FOLDER, Mode::empty()).map_err(unreadable)?;
                self.folder(&next, &inner, depth + 1)?;
            }
        }
        Ok(())
    }

    /// The names in a directory, sorted; no more of them than may be.
    fn names(&mut self, folder: &OwnedFd) -> Result<Vec<String>, FindError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let Ok(name) = std::str::from_utf8(name) else {
                return Err(FindError::refused("holds a name that is not UTF-8"));
            };
            self.names_bytes += name.len();
            let count = self.entries.len() + names.len() + 1;
            if count > limit::TAR_ENTRIES || self.names_bytes > NAMES_BYTES {
                let most = limit::TAR_ENTRIES;
                return Err(FindError::Refused(format!(
                    "holds more than {most} files and directories, or {NAMES_BYTES} bytes of names"
                )));
            }
            names.push(name.to_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn take(&mut self, path: String, size: Option<u64>, depth: usize) -> Result<(), FindError> {
        if depth > DEPTH || path.len() > PATH_BYTES {
            let problem = format!(
                "holds directories nested deeper than {DEPTH}, or a name of more than \
                 {PATH_BYTES} bytes"
            );
            return Err(FindError::Refused(problem));
        }
        self.names_bytes += path.len();
        self.bytes = self.bytes.saturating_add(size.unwrap_or_default());
        check_size(self.bytes)?;
        self.entries.push(Entry { path, size });
        Ok(())
    }
}

fn kind(mode: RawMode) -> FileType {
    FileType::from_raw_mode(mode)
}

pub(super) fn check_size(bytes: u64) -> Result<(), FindError> {
    if bytes > limit::BLOB_BYTES {
        let most = limit::BLOB_BYTES;
        let problem = format!("has {bytes} bytes or more, and {most} is the most that is taken");
        return Err(FindError::Refused(problem));
    }
    Ok(())
}

fn not_opened(error: Errno) -> FindError {
    match error {
        Errno::NOENT => FindError::missing("is not there"),
        Errno::LOOP | Errno::NOTDIR => {
            FindError::missing("is not there: a part of its path is a link or a file")
        }
        error => unreadable(error),
    }
}

fn unreadable(error: Errno) -> FindError {
    failed(&error.into())
}

fn failed(error: &io::Error) -> FindError {
    FindError::Missing(format!("cannot be read: {error}"))
}
