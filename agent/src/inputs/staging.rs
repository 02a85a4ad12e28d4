//! A sandbox in the making: its inputs are put into it, and it is put into its place.
//!
//! Owns where inputs lie in a sandbox, the bounds of what they take together, and that nothing is
//! left of a sandbox that is given up.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use stoker_types::{
    BlobForm, Input, disk, limit,
    runner::{READ_ONLY_FOLDER, WORK_FOLDER},
};
use tempfile::TempDir;

use super::unpack::unpack;
use crate::sandboxes::discard;

const COPY_BYTES: usize = 64 * 1024;

/// Why an input is not put into a sandbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StagingError {
    /// It is wrong, and will be wrong again.
    #[error("{0}")]
    Invalid(String),
    /// The disk failed.
    #[error("the agent failed to write a file: {0}")]
    Io(#[from] io::Error),
    /// Nobody wants the sandbox any more.
    #[error("it was given up")]
    GivenUp,
}

/// A sandbox in the making.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: Remains,
    given_up: Arc<AtomicBool>,
    disk: u64,
    bytes: u64,
    /// The files and directories so far.
    pub(super) entries: usize,
}

impl Staging {
    /// Begins a sandbox of `disk` bytes in `folder`, which holds nothing else. It is given up when
    /// `given_up` is set, or when this is dropped.
    pub(crate) fn begin(
        folder: &Path,
        disk: u64,
        given_up: Arc<AtomicBool>,
    ) -> Result<Self, StagingError> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: Remains(Some(TempDir::new_in(folder)?)),
            given_up,
            disk,
            bytes: 0,
            entries: 0,
        })
    }

    /// Puts one input into the sandbox.
    pub(crate) fn add(&mut self, input: &Input, blob: File) -> Result<(), StagingError> {
        let top = self.folder.path().join(if input.read_only {
            READ_ONLY_FOLDER
        } else {
            WORK_FOLDER
        });
        fs::create_dir_all(&top)?;
        let top = Dir::open_ambient_dir(&top, ambient_authority())?;
        let mut bounds = Bounds {
            given_up: &self.given_up,
            disk: self.disk,
            bytes: &mut self.bytes,
            entries: &mut self.entries,
        };
        match input.form {
            BlobForm::File => add_file(&top, &input.path, blob, &mut bounds),
            BlobForm::Tar => {
                top.create_dir_all(&input.path)?;
                let target = top.open_dir(&input.path)?;
                unpack(blob, &target, &mut bounds).map_err(|error| match error {
                    super::archive::ArchiveError::Other(error) => error,
                    error => StagingError::Invalid(error.to_string()),
                })
            }
        }
    }

    /// Puts the sandbox into its place, in place of what was left there by an earlier task.
    pub(crate) fn finish(mut self, place: &Path) -> Result<(), StagingError> {
        discard(place)?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        let folder = self.folder.keep();
        if let Err(error) = fs::rename(&folder, place) {
            discard(&folder)?;
            return Err(error.into());
        }
        // Looked at last: who gives up later finds the sandbox in its place, and removes it there.
        if self.given_up.load(Ordering::SeqCst) {
            discard(place)?;
            return Err(StagingError::GivenUp);
        }
        Ok(())
    }
}

/// Removes what a task that is over could only read: the blob store has it.
pub(crate) fn drop_read_only(place: &Path) -> io::Result<()> {
    discard(&place.join(READ_ONLY_FOLDER))
}

fn add_file(
    top: &Dir,
    path: &str,
    mut blob: File,
    bounds: &mut Bounds<'_>,
) -> Result<(), StagingError> {
    bounds.take_entry(blob.metadata()?.len())?;
    if let Some((parent, _)) = path.rsplit_once('/') {
        top.create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = top.open_with(path, &options)?;
    bounds.copy(&mut blob, &mut file).map(drop)
}

/// What inputs may take together, and have taken.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    given_up: &'a AtomicBool,
    disk: u64,
    bytes: &'a mut u64,
    entries: &'a mut usize,
}

impl Bounds<'_> {
    /// One more directory, or file of so many bytes, at the cost that it will be charged at while
    /// the task runs.
    pub(super) fn take_entry(&mut self, length: u64) -> Result<(), StagingError> {
        *self.entries += 1;
        if *self.entries > limit::TAR_ENTRIES {
            let most = limit::TAR_ENTRIES;
            let problem = format!("the inputs hold more than {most} files and directories");
            return Err(StagingError::Invalid(problem));
        }
        *self.bytes = self.bytes.saturating_add(disk::cost(length));
        if *self.bytes > self.disk {
            return Err(StagingError::Invalid(format!(
                "the inputs up to here take {} bytes, in blocks of {}, and the task asks for a \
                 disk of {}: ask for more",
                self.bytes,
                disk::BLOCK_BYTES,
                self.disk
            )));
        }
        self.check()
    }

    /// Copies all of `from`; says how much that was.
    pub(super) fn copy(
        &self,
        from: &mut impl Read,
        to: &mut impl Write,
    ) -> Result<u64, StagingError> {
        let mut buffer = vec![0; COPY_BYTES];
        let mut copied = 0;
        loop {
            self.check()?;
            match from.read(&mut buffer) {
                Ok(0) => return Ok(copied),
                Ok(length) => {
                    to.write_all(&buffer[..length])?;
                    copied += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn check(&self) -> Result<(), StagingError> {
        if self.given_up.load(Ordering::SeqCst) {
            return Err(StagingError::GivenUp);
        }
        Ok(())
    }
}

/// A folder that is removed when nobody needs it, away from the threads that must not wait.
#[derive(Debug)]
struct Remains(Option<TempDir>);

impl Remains {
    fn path(&self) -> PathBuf {
        self.0
            .as_ref()
            .map(|folder| folder.path().to_owned())
            .unwrap_or_default()
    }

    /// The folder, which stays.
    fn keep(&mut self) -> PathBuf {
        self.0.take().map(TempDir::keep).unwrap_or_default()
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let folder = self.0.take();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(folder))),
            Err(_) => drop(folder),
        }
    }
}
