//! The files that hold one stream of a task, of which rotation may have taken the first ones.

use std::io::{self, Read, Seek as _};

use cap_std::fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;
use stoker_types::{
    FileKind, Timestamp,
    agent::OutputStream,
    runner::{output_begin, output_file},
};

use super::sandbox::{kind, modified};

/// How often a look is made anew because a file went between looking and opening.
const LOOKS: usize = 100;

/// What is known of something in a sandbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// What it is.
    pub(super) kind: FileKind,
    /// In bytes.
    pub(super) size: u64,
    /// When it was last written.
    pub(super) modified: Timestamp,
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            kind: kind(metadata),
            size: metadata.len(),
            modified: modified(metadata),
        }
    }
}

/// The bytes of a file, or of all files of a stream one after the other, up to the lengths that
/// they had when they were opened.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The last one first.
    files: Vec<io::Take<File>>,
}

impl Content {
    /// The bytes of one file.
    pub(super) fn of(file: File, size: u64) -> Self {
        Self {
            files: vec![file.take(size)],
        }
    }

    /// Leaves the first bytes out.
    pub(super) fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        while let Some(file) = self.files.last_mut() {
            if bytes < file.limit() {
                file.get_mut()
                    .seek(io::SeekFrom::Current(bytes.cast_signed()))?;
                file.set_limit(file.limit() - bytes);
                return Ok(());
            }
            bytes -= file.limit();
            self.files.pop();
        }
        Ok(())
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(file) = self.files.last_mut() {
            match file.read(buffer)? {
                0 if !buffer.is_empty() => {
                    self.files.pop();
                }
                length => return Ok(length),
            }
        }
        Ok(0)
    }
}

/// Where the files of a stream begin, in order.
pub(super) fn begins(sandbox: &Dir, stream: OutputStream) -> io::Result<Vec<u64>> {
    let mut begins = Vec::new();
    for entry in sandbox.entries()? {
        let name = entry?.file_name();
        begins.extend(name.to_str().and_then(|name| output_begin(stream, name)));
    }
    begins.sort_unstable();
    Ok(begins)
}

/// Opens the file of a stream that begins there. It is of the runner's making: no link is followed.
pub(super) fn open(sandbox: &Dir, stream: OutputStream, begin: u64) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    sandbox.open_with(output_file(stream, begin), &options)
}

/// All that is kept of a stream, and what is known of it.
///
/// # Errors
/// `NotFound` if there is nothing of it.
pub(super) fn open_all(sandbox: &Dir, stream: OutputStream) -> io::Result<(Content, Seen)> {
    for _ in 0..LOOKS {
        let begins = begins(sandbox, stream)?;
        let opened = begins.iter().map(|begin| open(sandbox, stream, *begin));
        match opened.collect::<io::Result<Vec<File>>>() {
            Ok(files) if !files.is_empty() => return together(files),
            Ok(_none) => return Err(io::ErrorKind::NotFound.into()),
            // Rotation took it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("it rotates faster than it can be opened"))
}

fn together(files: Vec<File>) -> io::Result<(Content, Seen)> {
    let mut content = Content::default();
    let mut together: Option<Seen> = None;
    for file in files {
        let seen = Seen::of(&file.metadata()?);
        content.files.push(file.take(seen.size));
        together = Some(Seen {
            size: seen.size + together.map_or(0, |earlier| earlier.size),
            ..seen
        });
    }
    content.files.reverse();
    let seen = together.ok_or(io::ErrorKind::NotFound)?;
    Ok((content, seen))
}
