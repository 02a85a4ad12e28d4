//! An output as one stream of bytes: a file as it is, a directory as a tar.
//!
//! Owns what goes into the tar: all that `find` found, in the order of names and without times; so
//! the same content has the same digest, whoever made it and when. It can be read twice, and says
//! the same twice, because its task is over.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use sha2::Digest as _;
use stoker_types::{BlobForm, Digest, OutputFile, limit};

use super::{
    OutputError,
    find::{self, Entry, Found},
};
use crate::tar_stream::{Content, TarStream};

/// When each entry of a tar was written.
const NO_TIME: u64 = 0;
const BUFFER_BYTES: usize = 256 * 1024;

/// What is read of an output.
#[derive(Debug)]
pub(super) enum Source {
    /// A file.
    File(io::Take<File>),
    /// A directory.
    Tar(Box<Tar>),
}

impl Source {
    /// Opens what is at `path` beneath the guest's folder.
    pub(super) fn open(work: &Path, path: &str) -> Result<Self, OutputError> {
        match find::find(work, path)? {
            Found::File(file, size) => Ok(Self::File(file.take(size))),
            Found::Directory(directory) => {
                let entries = find::walk(&directory)?;
                Ok(Self::Tar(Box::new(Tar::new(directory, entries))))
            }
        }
    }

    const fn form(&self) -> BlobForm {
        match self {
            Self::File(_) => BlobForm::File,
            Self::Tar(_) => BlobForm::Tar,
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Tar(tar) => tar.read(buffer),
        }
    }
}

/// Reads an output once: its form, its digest, its size, and its content if that is small.
pub(super) fn look(work: &Path, path: String) -> Result<OutputFile, OutputError> {
    let mut source = Source::open(work, &path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    let mut content = Some(Vec::new());
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => &buffer[..length],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(OutputError::Read(error)),
        };
        hasher.update(read);
        size += read.len() as u64;
        find::check_size(size)?;
        content = content.filter(|kept| kept.len() + read.len() <= limit::INLINE_OUTPUT_BYTES);
        if let Some(kept) = &mut content {
            kept.extend_from_slice(read);
        }
    }
    Ok(OutputFile {
        path,
        form: source.form(),
        digest: Digest::from_bytes(hasher.finalize().into()),
        size,
        content,
    })
}

/// A tar of a directory, made while it is read.
#[derive(Debug)]
pub(super) struct Tar {
    directory: OwnedFd,
    entries: VecDeque<Entry>,
    stream: TarStream<File>,
    /// The entry that is under way.
    path: String,
}

impl Tar {
    fn new(directory: OwnedFd, entries: Vec<Entry>) -> Self {
        Self {
            directory,
            entries: entries.into(),
            stream: TarStream::new(),
            path: String::new(),
        }
    }

    fn enter(&mut self, entry: Entry) -> io::Result<()> {
        let content = match entry.size {
            None => Content::Directory,
            Some(size) => {
                let directory = self.directory.as_fd().try_clone_to_owned()?;
                match find::open(directory, &entry.path).map_err(io::Error::other)? {
                    Found::File(file, now) if now == size => Content::File(file, size),
                    Found::File(..) | Found::Directory(_) => return Err(changed(&entry.path)),
                }
            }
        };
        self.stream.enter(&entry.path, content, NO_TIME)?;
        self.path = entry.path;
        Ok(())
    }
}

impl Read for Tar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) if self.stream.is_ended() || buffer.is_empty() => return Ok(0),
                Ok(0) => match self.entries.pop_front() {
                    Some(entry) => self.enter(entry)?,
                    None => self.stream.end(),
                },
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(changed(&self.path));
                }
                read => return read,
            }
        }
    }
}

fn changed(path: &str) -> io::Error {
    io::Error::other(format!("{path} is not what it was a moment ago"))
}
