//! The folder that holds all that a master keeps: `registry.redb`, `blobs/` and `lock`.
//!
//! Owns the folder's layout and the lock that keeps a second master out; never looks into the
//! files of the registry or the blob store.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The folder, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirectoryError {
    /// It cannot be made or entered.
    #[error(
        "the data directory {} cannot be used: {source}; make it writable, or choose another with \
         --data", .path.display()
    )]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another master uses it.
    #[error(
        "the data directory {} is in use by another master{holder}: stop that one, or choose \
         another with --data", .path.display()
    )]
    InUse {
        /// Which.
        path: PathBuf,
        /// ` (process 123)`, or nothing where it is not known.
        holder: String,
    },
}

impl DataDirectory {
    /// Makes the folder where it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirectoryError> {
        let unusable = |source| DataDirectoryError::Unusable {
            path: path.to_owned(),
            source,
        };
        // What modules and registries hold is nobody else's business.
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut lock);
                return Err(DataDirectoryError::InUse {
                    path: path.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        write_holder(&mut lock).map_err(unusable)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The registry's file.
    pub(crate) fn registry(&self) -> PathBuf {
        self.path.join("registry.redb")
    }

    /// The blob store's folder.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }
}

fn write_holder(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let is_read = lock.take(32).read_to_string(&mut text).is_ok();
    match text.trim().parse::<u32>() {
        Ok(process) if is_read => format!(" (process {process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_master_is_kept_out_and_told_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/master");
        let first = DataDirectory::open(&path).unwrap();
        let error = DataDirectory::open(&path).unwrap_err().to_string();
        let process = std::process::id();
        assert!(
            error.contains(&format!("another master (process {process})")),
            "{error}"
        );
        assert!(error.contains("--data"), "{error}");
        drop(first);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDirectory::open(&file).unwrap_err().to_string();
        assert!(error.contains("cannot be used"), "{error}");
    }
}
