//! A tar in the making, which is read while it is made: what the agent sends of a directory.
//!
//! Owns the form: headers without an owner, one mode for files and one for directories, padding and
//! end. Which entries go in, in which order, and what an entry that has changed means is for who
//! makes it; nothing is opened here.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// How deep directories are nested at most in a tar that is made or unpacked here.
pub(crate) const DEPTH: usize = 64;
/// A tar consists of blocks of this size.
const BLOCK_BYTES: u64 = 512;
/// It ends with two of them that are empty.
const END: [u8; 1024] = [0; 1024];

/// The tar, an entry after the other.
#[derive(Debug)]
pub(crate) struct TarStream<F> {
    /// Header, padding or end that comes next.
    pending: VecDeque<u8>,
    /// The file whose bytes come then.
    current: Option<Current<F>>,
    is_ended: bool,
}

/// A file, up to the size that its header tells.
#[derive(Debug)]
struct Current<F> {
    file: io::Take<F>,
    /// What fills its last block.
    padding: u64,
}

/// What an entry is.
#[derive(Debug)]
pub(crate) enum Content<F> {
    /// A directory.
    Directory,
    /// A file, and how many bytes of it go in.
    File(F, u64),
}

impl<F: Read> TarStream<F> {
    /// A tar without entries so far.
    pub(crate) const fn new() -> Self {
        Self {
            pending: VecDeque::new(),
            current: None,
            is_ended: false,
        }
    }

    /// Begins the next entry, when all before it was read; `modified` in seconds since 1970.
    ///
    /// # Errors
    /// If a tar has no room for such a name.
    pub(crate) fn enter(
        &mut self,
        name: &str,
        content: Content<F>,
        modified: u64,
    ) -> io::Result<()> {
        let size = match &content {
            Content::Directory => None,
            Content::File(_, size) => Some(*size),
        };
        self.pending.extend(header(name, size, modified)?);
        if let Content::File(file, size) = content {
            self.current = Some(Current {
                file: file.take(size),
                padding: size.next_multiple_of(BLOCK_BYTES) - size,
            });
        }
        Ok(())
    }

    /// No entry follows.
    pub(crate) fn end(&mut self) {
        self.is_ended = true;
        self.pending.extend(END);
    }

    /// Whether the end was made.
    pub(crate) const fn is_ended(&self) -> bool {
        self.is_ended
    }
}

impl<F: Read> Read for TarStream<F> {
    /// Reads of what is there: nothing between two entries, and after the end.
    ///
    /// # Errors
    /// If a file cannot be read, and `UnexpectedEof` if it became shorter than its header tells.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.pending.is_empty() {
                return self.pending.read(buffer);
            }
            let Some(current) = &mut self.current else {
                return Ok(0);
            };
            if current.file.limit() == 0 {
                let padding = current.padding;
                self.pending.extend((0..padding).map(|_| 0));
                self.current = None;
                continue;
            }
            match current.file.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// The header blocks of an entry; the library knows how to write long names.
fn header(name: &str, size: Option<u64>, modified: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    let (entry_type, mode, slash) = match size {
        Some(_) => (tar::EntryType::Regular, 0o644, ""),
        None => (tar::EntryType::Directory, 0o755, "/"),
    };
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified);
    header.set_size(size.unwrap_or_default());
    // The content comes by itself.
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, format!("{name}{slash}"), io::empty())?;
    Ok(std::mem::take(builder.get_mut()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is read of a tar of these entries, `step` bytes at a time.
    fn read_all(entries: &[(&str, Option<&'static [u8]>)], step: usize) -> Vec<u8> {
        let mut stream = TarStream::new();
        let (mut all, mut buffer) = (Vec::new(), vec![0; step]);
        let mut drain = |stream: &mut TarStream<&'static [u8]>| {
            loop {
                match stream.read(&mut buffer).unwrap() {
                    0 => break,
                    length => all.extend_from_slice(&buffer[..length]),
                }
            }
        };
        for (name, content) in entries {
            let content = content.map_or(Content::Directory, |bytes| {
                Content::File(bytes, bytes.len() as u64)
            });
            stream.enter(name, content, 7).unwrap();
            drain(&mut stream);
        }
        stream.end();
        drain(&mut stream);
        assert!(stream.is_ended());
        all
    }

    #[test]
    fn it_reads_back_whatever_the_steps() {
        let long = "d/".repeat(99) + "name";
        let block = &[1; 512][..];
        let entries = [
            ("d", None),
            ("d/empty", Some(&b""[..])),
            ("d/block", Some(block)),
            (long.as_str(), Some(b"content")),
        ];
        let bytes = read_all(&entries, 64 * 1024);
        assert_eq!(bytes, read_all(&entries, 1));
        assert_eq!(bytes, read_all(&entries, 511));
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 7);
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.push((path, content));
        }
        let expected = entries.map(|(name, content)| {
            let slash = if content.is_none() { "/" } else { "" };
            let content = content.unwrap_or_default().to_vec();
            (format!("{name}{slash}"), content)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let mut stream = TarStream::new();
        stream.enter("a", Content::File(&b"12"[..], 3), 0).unwrap();
        let error = io::copy(&mut stream, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
