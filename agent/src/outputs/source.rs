//! An output as one stream of bytes: a file as it is, a directory as a tar.
//!
//! Owns the tar: the order of names, no owner, no time, one mode for files and one for directories;
//! so the same content has the same digest, whoever made it and when. It can be read twice, and
//! says the same twice, because its task is over.

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

/// A tar consists of blocks of this size.
const BLOCK_BYTES: u64 = 512;
/// It ends with two of them that are empty.
const END: [u8; 1024] = [0; 1024];
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
    /// Header, padding or end that comes next.
    pending: VecDeque<u8>,
    /// The file whose bytes come then.
    current: Option<Current>,
    is_ended: bool,
}

/// A file in a tar.
#[derive(Debug)]
struct Current {
    file: io::Take<File>,
    path: String,
    /// What fills its last block.
    padding: u64,
}

impl Tar {
    fn new(directory: OwnedFd, entries: Vec<Entry>) -> Self {
        Self {
            directory,
            entries: entries.into(),
            pending: VecDeque::new(),
            current: None,
            is_ended: false,
        }
    }

    fn enter(&mut self, entry: &Entry) -> io::Result<()> {
        let header = header(&entry.path, entry.size)?;
        self.pending.extend(header);
        let Some(size) = entry.size else {
            return Ok(());
        };
        let directory = self.directory.as_fd().try_clone_to_owned()?;
        match find::open(directory, &entry.path).map_err(io::Error::other)? {
            Found::File(file, now) if now == size => {
                self.current = Some(Current {
                    file: file.take(size),
                    path: entry.path.clone(),
                    padding: size.next_multiple_of(BLOCK_BYTES) - size,
                });
                Ok(())
            }
            Found::File(..) | Found::Directory(_) => Err(changed(&entry.path)),
        }
    }
}

impl Read for Tar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.pending.is_empty() {
                return self.pending.read(buffer);
            }
            if let Some(mut current) = self.current.take() {
                if current.file.limit() == 0 {
                    self.pending.extend((0..current.padding).map(|_| 0));
                    continue;
                }
                let length = current.file.read(buffer)?;
                if length == 0 {
                    return Err(changed(&current.path));
                }
                self.current = Some(current);
                return Ok(length);
            }
            match self.entries.pop_front() {
                Some(entry) => self.enter(&entry)?,
                None if self.is_ended => return Ok(0),
                None => {
                    self.is_ended = true;
                    self.pending.extend(END);
                }
            }
        }
    }
}

fn changed(path: &str) -> io::Error {
    io::Error::other(format!("{path} is not what it was a moment ago"))
}

/// The header blocks of an entry; the library knows how to write long names.
fn header(path: &str, size: Option<u64>) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    let (entry_type, mode, name) = match size {
        Some(_) => (tar::EntryType::Regular, 0o644, path.to_owned()),
        None => (tar::EntryType::Directory, 0o755, format!("{path}/")),
    };
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size.unwrap_or_default());
    // The content comes by itself.
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, io::empty())?;
    Ok(std::mem::take(builder.get_mut()))
}
