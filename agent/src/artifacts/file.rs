//! Modules on the agent's own disk: `file:/absolute/path`.
//!
//! A file is hashed while it is copied, and the copy is what is compiled: it cannot change in
//! between. A file that was seen before and is the same by its inode, size and times is not read
//! again.

use std::{
    collections::HashMap,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use sha2::Digest as _;
use stoker_agent_core::PrepareFailure;
use stoker_types::Digest;
use tempfile::NamedTempFile;

use super::failure::{self, Kind};

/// The files whose digests are remembered.
const REMEMBERED: usize = 1024;
/// A file changed this recently may change again without its times telling.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The digests of files that have not changed since.
#[derive(Debug, Default)]
pub(super) struct SeenFiles(Mutex<HashMap<PathBuf, (Identity, Digest)>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file has been left alone for long enough that its times can be trusted.
    fn is_settled(&self) -> bool {
        let Ok(seconds) = u64::try_from(self.changed.0.max(self.modified.0)) else {
            return false;
        };
        let touched = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        SystemTime::now()
            .duration_since(touched)
            .is_ok_and(|age| age > SETTLED_AFTER)
    }
}

/// A module file that was opened.
#[derive(Debug)]
pub(super) struct ModuleFile {
    path: PathBuf,
    file: File,
    identity: Identity,
}

/// Opens a module file, if it is a regular one of at most `most` bytes. Links are followed.
pub(super) fn open(path: &Path, hostname: &str, most: u64) -> Result<ModuleFile, PrepareFailure> {
    let wrong = |error: io::Error| failure::file(path, hostname, &error);
    // A pipe would wait for its other end.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(wrong)?;
    let metadata = file.metadata().map_err(wrong)?;
    if !metadata.is_file() {
        return Err(failure::not_regular(path));
    }
    if metadata.len() > most {
        return Err(failure::too_large(Kind::Module, Some(metadata.len()), most));
    }
    Ok(ModuleFile {
        path: path.to_owned(),
        file,
        identity: Identity::of(&metadata),
    })
}

impl SeenFiles {
    /// The digest of a file that was read before and has not changed.
    pub(super) fn digest(&self, file: &ModuleFile) -> Option<Digest> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (identity, digest) = seen.get(&file.path)?;
        (*identity == file.identity).then_some(*digest)
    }

    /// Copies a file, and remembers its digest if nothing changed it meanwhile.
    pub(super) fn copy(
        &self,
        file: &mut ModuleFile,
        to: &mut NamedTempFile,
        most: u64,
    ) -> Result<Digest, PrepareFailure> {
        let digest = copy_hashed(&mut file.file, to, most)?;
        let now = file.file.metadata().map(|metadata| Identity::of(&metadata));
        if now.is_ok_and(|now| now == file.identity) && file.identity.is_settled() {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= REMEMBERED {
                seen.clear();
            }
            seen.insert(file.path.clone(), (file.identity, digest));
        }
        Ok(digest)
    }
}

fn copy_hashed(
    from: &mut impl Read,
    to: &mut NamedTempFile,
    most: u64,
) -> Result<Digest, PrepareFailure> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut total: u64 = 0;
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failure::ours("read the module", &error)),
        };
        total += length as u64;
        // It may have grown since it was opened.
        if total > most {
            return Err(failure::too_large(Kind::Module, None, most));
        }
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length])
            .map_err(|error| failure::ours("copy the module", &error))?;
    }
    to.as_file_mut()
        .rewind()
        .map_err(|error| failure::ours("copy the module", &error))?;
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use stoker_types::Reason;

    use super::*;

    fn open_here(path: &Path) -> Result<ModuleFile, PrepareFailure> {
        open(path, "host-1", 10)
    }

    #[test]
    fn what_cannot_be_a_module_is_refused_with_advice() {
        let root = tempfile::tempdir().unwrap();
        let missing = open_here(&root.path().join("none.wasm")).unwrap_err();
        assert_eq!(missing.reason, Reason::ModuleNotFound);
        assert!(missing.message.contains("host-1") && missing.message.contains("module push"));

        let folder = open_here(root.path()).unwrap_err();
        assert_eq!(folder.reason, Reason::ModuleNotFound);
        assert!(
            folder.message.contains("no regular file"),
            "{}",
            folder.message
        );

        let pipe = root.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        assert!(
            open_here(&pipe)
                .unwrap_err()
                .message
                .contains("no regular file")
        );

        let large = root.path().join("large.wasm");
        fs::write(&large, "12345678901").unwrap();
        let large = open_here(&large).unwrap_err();
        assert_eq!(large.reason, Reason::ModuleTooLarge);
        assert!(large.message.contains("max_module"), "{}", large.message);
    }

    #[test]
    fn a_link_is_followed_and_a_settled_file_is_read_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("module.wasm");
        fs::write(&path, "content").unwrap();
        let link = root.path().join("link.wasm");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let seen = SeenFiles::default();
        let mut copy = NamedTempFile::new().unwrap();
        let mut file = open_here(&link).unwrap();
        assert_eq!(
            seen.copy(&mut file, &mut copy, 10).unwrap(),
            Digest::of(b"content")
        );
        assert_eq!(fs::read(copy.path()).unwrap(), b"content");
        // It was written just now: its times say nothing yet.
        assert_eq!(seen.digest(&file), None);

        let settled = ModuleFile {
            identity: Identity {
                modified: (0, 0),
                changed: (0, 0),
                ..file.identity
            },
            ..open_here(&link).unwrap()
        };
        let digest = Digest::of(b"content");
        seen.0
            .lock()
            .unwrap()
            .insert(link, (settled.identity, digest));
        assert_eq!(seen.digest(&settled), Some(digest));
        assert!(settled.identity.is_settled() && !file.identity.is_settled());
    }

    #[test]
    fn a_file_that_grows_is_refused() {
        let mut copy = NamedTempFile::new().unwrap();
        let failure = copy_hashed(&mut &b"12345678901"[..], &mut copy, 10).unwrap_err();
        assert_eq!(failure.reason, Reason::ModuleTooLarge);
    }
}
