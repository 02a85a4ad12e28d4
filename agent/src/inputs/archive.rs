//! Reads a tar that a stranger made: what it holds, entry by entry.
//!
//! Owns which entries there may be, and their names: regular files and directories, by relative
//! names that lead nowhere else. Names of any length and the attributes that tars carry beside them
//! are read within bounds; what only some readers understand is refused rather than guessed at, so
//! that a tar means the same to everyone.

use std::io::{self, Read};

use stoker_types::limit;
use tar::EntryType;

use crate::tar_stream::DEPTH;

/// The attributes of one entry that a tar may carry.
const ATTRIBUTES_BYTES: u64 = 64 * 1024;
/// The longest name of a file or a directory.
const NAME_BYTES: usize = 255;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of this size.
    File(u64),
    /// A directory.
    Directory,
}

/// Why a tar is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// It is none, or broken.
    #[error("it is no tar, or a damaged one: {0}")]
    Damaged(io::Error),
    /// Something in it is not taken.
    #[error("its entry {name:?} {problem}")]
    Entry {
        /// The entry, cut.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What is being done with an entry failed.
    #[error(transparent)]
    Other(#[from] super::staging::StagingError),
}

impl ArchiveError {
    pub(super) fn entry(name: &[u8], problem: impl Into<String>) -> Self {
        Self::Entry {
            name: String::from_utf8_lossy(name).chars().take(200).collect(),
            problem: problem.into(),
        }
    }
}

/// Hands every entry of a tar to `take`, with its name and, if it is a file, its content.
pub(super) fn read(
    source: impl Read,
    mut take: impl FnMut(&str, Kind, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(source);
    let entries = archive.entries().map_err(ArchiveError::Damaged)?;
    let mut attributes = Attributes::default();
    // Raw: what the library reads of its own accord has no bound.
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(ArchiveError::Damaged)?;
        let header = entry.header();
        let name = header.path_bytes().into_owned();
        let kind = header.entry_type();
        let size = header.entry_size().map_err(ArchiveError::Damaged)?;
        match kind {
            EntryType::GNULongName => {
                attributes.name = Some(read_long_name(&name, size, &mut entry)?);
                continue;
            }
            EntryType::XHeader => {
                attributes.read(&name, size, &mut entry)?;
                continue;
            }
            EntryType::XGlobalHeader => {
                let mut global = Attributes::default();
                global.read(&name, size, &mut entry)?;
                if global != Attributes::default() {
                    let problem = "renames or resizes all that follow, which is not supported";
                    return Err(ArchiveError::entry(&name, problem));
                }
                continue;
            }
            // The name of the target of the link that follows, which is refused by its type.
            EntryType::GNULongLink => continue,
            _ => {}
        }
        let attributes = std::mem::take(&mut attributes);
        let name = attributes.name.unwrap_or(name);
        if attributes.size.is_some_and(|other| other != size) {
            return Err(ArchiveError::entry(&name, "names two sizes"));
        }
        let kind = kind_of(&name, kind, size)?;
        if let Some(name) = clean(&name, kind)? {
            take(&name, kind, &mut entry)?;
        }
    }
    Ok(())
}

/// What precedes an entry and is meant for it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attributes {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Attributes {
    /// Reads the attributes of a POSIX header; the unknown ones (times, owners, …) are left out.
    fn read(&mut self, of: &[u8], size: u64, entry: &mut impl Read) -> Result<(), ArchiveError> {
        if size > ATTRIBUTES_BYTES {
            let problem = format!("has {size} bytes of attributes; {ATTRIBUTES_BYTES} are taken");
            return Err(ArchiveError::entry(of, problem));
        }
        let content = read_all(size, entry)?;
        for attribute in tar::PaxExtensions::new(&content) {
            let attribute = attribute.map_err(ArchiveError::Damaged)?;
            let value = attribute.value_bytes();
            match attribute.key_bytes() {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => {
                    let number = std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                    let wrong = || ArchiveError::entry(of, "has a size that is no number");
                    self.size = Some(number.ok_or_else(wrong)?);
                }
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(ArchiveError::entry(
                        of,
                        "is of a sparse file: write it in full",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_long_name(of: &[u8], size: u64, entry: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    if size > limit::PATH_BYTES as u64 + 1 {
        let problem = format!(
            "is followed by a name of {size} bytes: write at most {}",
            limit::PATH_BYTES
        );
        return Err(ArchiveError::entry(of, problem));
    }
    let mut name = read_all(size, entry)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

fn read_all(size: u64, entry: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut content = Vec::new();
    let read = entry.take(size).read_to_end(&mut content);
    if read.map_err(ArchiveError::Damaged)? as u64 == size {
        Ok(content)
    } else {
        Err(ArchiveError::Damaged(ends_early()))
    }
}

/// The end of a tar in the middle of an entry.
pub(super) fn ends_early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in an entry")
}

/// What an entry of this type is, if it is taken.
fn kind_of(name: &[u8], kind: EntryType, size: u64) -> Result<Kind, ArchiveError> {
    let what = match kind {
        EntryType::Regular => return Ok(Kind::File(size)),
        EntryType::Directory => return Ok(Kind::Directory),
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a named pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "of an unknown type",
    };
    let problem = format!("is {what}: only regular files and directories are taken");
    Err(ArchiveError::entry(name, problem))
}

/// The name of an entry without what means nothing; none for the directory itself.
fn clean(name: &[u8], kind: Kind) -> Result<Option<String>, ArchiveError> {
    let wrong = |problem: String| Err(ArchiveError::entry(name, problem));
    let Ok(text) = std::str::from_utf8(name) else {
        return wrong("has a name that is not UTF-8".to_owned());
    };
    if text.starts_with('/') {
        return wrong("has an absolute name: write names relative to the directory".to_owned());
    }
    let mut text = text;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    if kind == Kind::Directory {
        text = text.strip_suffix('/').unwrap_or(text);
        if matches!(text, "" | ".") {
            return Ok(None);
        }
    }
    if text.split('/').any(|segment| segment == "..") {
        return wrong("leads out of the directory, or would, by ..".to_owned());
    }
    if text.contains('\0') || text.split('/').any(|segment| matches!(segment, "" | ".")) {
        return wrong("has a name with empty parts, or none".to_owned());
    }
    if text.len() > limit::PATH_BYTES || text.split('/').any(|part| part.len() > NAME_BYTES) {
        return wrong(format!(
            "has too long a name: at most {} bytes, and {NAME_BYTES} between two slashes",
            limit::PATH_BYTES
        ));
    }
    if text.split('/').count() > DEPTH {
        return wrong(format!("is nested deeper than {DEPTH} directories"));
    }
    Ok(Some(text.to_owned()))
}
