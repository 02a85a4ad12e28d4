//! Makes files and directories of the entries of a tar, beneath one directory.
//!
//! Owns that nothing is replaced: an entry that is there already is refused, so that the tar's
//! order means nothing. The directory is new and only this writes to it.

use std::io::{self, BufReader, Read};

use cap_std::fs::{Dir, OpenOptions};

use super::{
    archive::{self, ArchiveError, Kind, ends_early},
    staging::{Bounds, StagingError},
};

/// The buffer between the blob and the reader of headers.
const BUFFER_BYTES: usize = 64 * 1024;

/// Unpacks a tar into `target`, within the bounds.
pub(super) fn unpack(
    source: impl Read,
    target: &Dir,
    bounds: &mut Bounds<'_>,
) -> Result<(), ArchiveError> {
    let source = BufReader::with_capacity(BUFFER_BYTES, source);
    archive::read(source, |name, kind, content| match kind {
        Kind::Directory => make_directory(target, name, bounds),
        Kind::File(size) => make_file(target, (name, size), content, bounds),
    })
}

fn make_directory(target: &Dir, name: &str, bounds: &mut Bounds<'_>) -> Result<(), ArchiveError> {
    bounds.take_entry(0)?;
    let mut made = target.create_dir(name);
    if is(&made, io::ErrorKind::NotFound) {
        make_parents(target, name, bounds)?;
        made = target.create_dir(name);
    }
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = target.symlink_metadata(name);
            if found.is_ok_and(|found| found.is_dir()) {
                return Ok(());
            }
            let problem = "is a file and a directory";
            Err(ArchiveError::entry(name.as_bytes(), problem))
        }
        made => made.map_err(|error| failed(name, error)),
    }
}

fn is<T>(result: &io::Result<T>, kind: io::ErrorKind) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == kind)
}

fn make_file(
    target: &Dir,
    (name, size): (&str, u64),
    content: &mut dyn Read,
    bounds: &mut Bounds<'_>,
) -> Result<(), ArchiveError> {
    bounds.take_entry(size)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut opened = target.open_with(name, &options);
    if is(&opened, io::ErrorKind::NotFound) {
        make_parents(target, name, bounds)?;
        opened = target.open_with(name, &options);
    }
    let mut file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ArchiveError::entry(name.as_bytes(), "is there twice"),
        _ => failed(name, error),
    })?;
    let copied = bounds.copy(&mut content.take(size), &mut file)?;
    if copied == size {
        Ok(())
    } else {
        Err(ArchiveError::Damaged(ends_early()))
    }
}

/// Makes the directories that lead to an entry; tars need not name them.
fn make_parents(target: &Dir, name: &str, bounds: &mut Bounds<'_>) -> Result<(), ArchiveError> {
    for (end, _) in name.match_indices('/') {
        let parent = &name[..end];
        match target.create_dir(parent) {
            Ok(()) => bounds.take_entry(0)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(name, error)),
        }
    }
    Ok(())
}

fn failed(name: &str, error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::NotADirectory => ArchiveError::entry(name.as_bytes(), "lies in a file"),
        _ => StagingError::Io(error).into(),
    }
}
