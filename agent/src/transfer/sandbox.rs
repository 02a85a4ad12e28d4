//! A task's sandbox, opened for someone who reads it.
//!
//! Owns how a path that a reader or a guest chose is opened: beneath the guest's folder, wherever
//! links lead. The way to that folder is opened name by name and through no link at all.
//!
//! ```text
//! sandboxes/FRAMEWORK/TASK/stdout{,.N}  ── SandboxPath::Output, together
//!                         /work/…      ── SandboxPath::Guest, the guest's `.`
//!                         /inputs/N/…  ── SandboxPath::Guest, N beside it, in place of work/N
//! ```

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use cap_std::fs::{Dir, Metadata, OpenOptions, OpenOptionsExt as _};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};
use stoker_types::{
    FileKind, SandboxPath, TaskKey, Timestamp,
    runner::{READ_ONLY_FOLDER, WORK_FOLDER},
};

use super::{
    parts::{self, Content, Seen},
    walk::{Bounds, Found, Walk},
};
use crate::tar_stream::DEPTH;

/// Why something of a sandbox is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SandboxError {
    /// Nobody made it.
    #[error("the task has no sandbox: it has written nothing (yet), and it has no disk")]
    NoSandbox,
    /// The guest has no folder.
    #[error("the task has no folder of its own: it was given no disk, or has not started yet")]
    NoFolder,
    /// Something else is in its place, a link for example.
    #[error("the agent cannot read the task's sandbox: it is not the folder that was made for it")]
    Replaced,
    /// Nothing has this name.
    #[error("nothing is at {0:?} in the task's sandbox; `stoker task files` lists what is")]
    NotThere(String),
    /// A link leads elsewhere.
    #[error("{0:?} is or passes a link that leads out of the task's sandbox; it is not followed")]
    Escapes(String),
    /// It holds no bytes.
    #[error("{0:?} is neither a file nor a folder")]
    Other(String),
    /// A tar has no middle.
    #[error("{0:?} is a folder, which is sent as a whole: ask for it from offset 0")]
    OffsetOfFolder(String),
    /// More than one answer may hold.
    #[error(
        "{0:?} holds more than {max} entries, or folders nested deeper than {DEPTH}: copy its \
         folders one by one",
        max = super::tar::ENTRIES
    )]
    TooMany(String),
    /// The file is not what it was.
    #[error("{0:?} became shorter while it was read; read it again")]
    Shrunk(String),
    /// The disk failed.
    #[error("the agent cannot read {path:?}: {source}")]
    Io {
        /// Where.
        path: String,
        /// What happened.
        source: io::Error,
    },
}

/// An open sandbox.
#[derive(Debug)]
pub(super) struct Sandbox {
    root: Dir,
    /// What the guest works on.
    work: Option<Dir>,
    /// What it can only read.
    inputs: Option<Dir>,
}

/// What a place is.
pub(super) enum Opened {
    /// A file, or what is kept of a stream, and what is known of it.
    File(Content, Seen),
    /// A folder, or the whole sandbox.
    Folder,
}

impl Sandbox {
    /// Opens a task's sandbox, if there is one.
    pub(super) fn open(sandboxes: &Path, task: &TaskKey) -> Result<Option<Self>, SandboxError> {
        let Some(root) = open_root(sandboxes, task)? else {
            return Ok(None);
        };
        let work = open_folder(&root, Path::new(WORK_FOLDER))?;
        let inputs = open_folder(&root, Path::new(READ_ONLY_FOLDER))?;
        Ok(Some(Self { root, work, inputs }))
    }

    /// Opens a place for reading.
    pub(super) fn look(&self, place: &SandboxPath) -> Result<Opened, SandboxError> {
        let text = place.to_string();
        let opened = match place {
            SandboxPath::Everything => return Ok(Opened::Folder),
            SandboxPath::Output(stream) => {
                let opened = parts::open_all(&self.root, *stream);
                let (content, seen) = opened.map_err(|source| failure(&text, source))?;
                return match seen.kind {
                    FileKind::File => Ok(Opened::File(content, seen)),
                    FileKind::Directory => Ok(Opened::Folder),
                    FileKind::Other => Err(SandboxError::Other(text)),
                };
            }
            SandboxPath::Guest(path) if path.is_empty() => {
                return if self.guests_folders().next().is_some() {
                    Ok(Opened::Folder)
                } else {
                    Err(SandboxError::NoFolder)
                };
            }
            SandboxPath::Guest(path) => {
                let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
                self.folder_of(path)?.open_with(path, &reading(flags))
            }
        };
        let file = opened.map_err(|source| failure(&text, source))?;
        let metadata = file.metadata().map_err(|source| failure(&text, source))?;
        let seen = Seen::of(&metadata);
        match seen.kind {
            FileKind::File => Ok(Opened::File(Content::of(file, seen.size), seen)),
            FileKind::Directory => Ok(Opened::Folder),
            FileKind::Other => Err(SandboxError::Other(text)),
        }
    }

    /// What is in a folder, in the order of paths, and how much was left out for the bounds; a
    /// file is found alone.
    pub(super) fn walk(
        &self,
        place: &SandboxPath,
        recursive: bool,
        bounds: Bounds,
    ) -> Result<(Vec<Found>, u64), SandboxError> {
        let mut walk = Walk::new(recursive, bounds);
        match (place, self.look(place)?) {
            (SandboxPath::Everything, _) => {
                self.streams(&mut walk)?;
                walk.folders(&self.guests_folders().collect::<Vec<_>>())?;
            }
            (SandboxPath::Guest(path), Opened::Folder) if path.is_empty() => {
                walk.folders(&self.guests_folders().collect::<Vec<_>>())?;
            }
            (SandboxPath::Guest(path), Opened::Folder) => {
                let folder = self.folder_of(path)?.open_dir(path);
                walk.folder(&folder.map_err(|source| failure(path, source))?, path)?;
            }
            (place, Opened::File(_, seen)) => walk.take(place.clone(), seen),
            (SandboxPath::Output(_), Opened::Folder) => {}
        }
        Ok(walk.finish())
    }

    fn streams(&self, walk: &mut Walk) -> Result<(), SandboxError> {
        use stoker_types::agent::OutputStream::{Stderr, Stdout};
        for stream in [Stderr, Stdout] {
            let place = SandboxPath::Output(stream);
            match self.look(&place) {
                Ok(Opened::File(_, seen)) => walk.take(place, seen),
                Ok(Opened::Folder) | Err(SandboxError::NotThere(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The folders that are the guest's `.` together; what is in the first hides what the second
    /// has of the same name, as it does for the guest.
    fn guests_folders(&self) -> impl Iterator<Item = &Dir> {
        self.inputs.iter().chain(&self.work)
    }

    /// The one of them that a path leads into.
    fn folder_of(&self, path: &str) -> Result<&Dir, SandboxError> {
        let top = path.split('/').next().unwrap_or(path);
        let is_there = |folder: &&Dir| folder.symlink_metadata(top).is_ok();
        let folder = self.guests_folders().find(is_there);
        // Where neither has it, the second one says so.
        folder
            .or_else(|| self.guests_folders().last())
            .ok_or(SandboxError::NoFolder)
    }
}

fn open_root(sandboxes: &Path, task: &TaskKey) -> Result<Option<Dir>, SandboxError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let all = openat(CWD, sandboxes, flags, Mode::empty());
    let all = all.map_err(|error| failure(".", error.into()))?;
    let framework = task.framework_id.to_string();
    let Some(framework) = open_folder(&all, Path::new(&framework))? else {
        return Ok(None);
    };
    open_folder(&framework, Path::new(task.task_id.as_str()))
}

/// Opens the folder `name` in `parent`, unless it is a link; none if it is not there.
fn open_folder(parent: impl AsFd, name: &Path) -> Result<Option<Dir>, SandboxError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(dir(folder))),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::NOTDIR | Errno::LOOP) => Err(SandboxError::Replaced),
        Err(error) => Err(failure(".", error.into())),
    }
}

fn dir(folder: OwnedFd) -> Dir {
    Dir::from_std_file(std::fs::File::from(folder))
}

fn reading(flags: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

pub(super) fn kind(metadata: &Metadata) -> FileKind {
    if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Directory
    } else {
        FileKind::Other
    }
}

/// When a file was last written.
pub(super) fn modified(metadata: &Metadata) -> Timestamp {
    let since_1970 = metadata.modified().ok().and_then(|modified| {
        let modified = modified.into_std();
        modified.duration_since(std::time::UNIX_EPOCH).ok()
    });
    Timestamp::default().after(since_1970.unwrap_or_default())
}

/// What a failed system call on `path` says to a reader.
pub(super) fn failure(path: &str, source: io::Error) -> SandboxError {
    let path = path.to_owned();
    match source.kind() {
        // cap-std's own word for a path that leads out: the kernel has not said it.
        io::ErrorKind::PermissionDenied if source.raw_os_error().is_none() => {
            SandboxError::Escapes(path)
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SandboxError::NotThere(path),
        _ => SandboxError::Io { path, source },
    }
}
