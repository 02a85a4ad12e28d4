//! Unpacking the tar of a task's folder.
//!
//! The tar comes from another machine, so nothing in it is believed: paths are opened beneath the
//! destination, and what is neither a file nor a folder is refused.

use std::{
    io::{self, Read},
    path::{Component, Path},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, ensure};
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};

use super::files::printable;

/// The most entries that are unpacked: an agent sends no more.
const ENTRIES: usize = 100_000;

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// How many files.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// Unpacks a tar into `destination`, which is made if it is not there.
pub(super) fn unpack(tar: impl Read, destination: &Path) -> anyhow::Result<Unpacked> {
    std::fs::create_dir_all(destination)
        .with_context(|| format!("failed to make the folder {}", destination.display()))?;
    let folder = Dir::open_ambient_dir(destination, ambient_authority())
        .with_context(|| format!("failed to open the folder {}", destination.display()))?;
    let mut unpacked = Unpacked::default();
    for (index, entry) in tar::Archive::new(tar).entries()?.enumerate() {
        ensure!(
            index < ENTRIES,
            "the folder holds more than {ENTRIES} entries"
        );
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let shown = printable(&path.to_string_lossy());
        let is_plain = |component| matches!(component, Component::Normal(_));
        ensure!(
            path.components().all(is_plain) && path.components().next().is_some(),
            "{shown:?} leads out of the folder; nothing is written there"
        );
        let failed = || {
            let place = destination.join(&shown);
            format!("failed to write {}", place.display())
        };
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            folder.create_dir_all(&path).with_context(failed)?;
        } else if kind.is_file() {
            unpacked.files += 1;
            unpacked.bytes += write(&folder, &path, &mut entry).with_context(failed)?;
        } else {
            anyhow::bail!("{shown:?} is neither a file nor a folder; it is not unpacked");
        }
    }
    Ok(unpacked)
}

fn write(folder: &Dir, path: &Path, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<u64> {
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        folder.create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut file = folder.open_with(path, &options)?.into_std();
    let bytes = io::copy(entry, &mut file)?;
    if bytes < entry.header().size()? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(entry.header().mtime()?);
    // When it was written is worth having, and no reason to fail.
    drop(file.set_modified(modified));
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    type Entry<'a> = (&'a str, tar::EntryType, &'a [u8]);

    /// A tar that no honest agent makes.
    fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            // Past the checks of the library.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(1_000_000);
            if kind.is_symlink() {
                header.set_link_name("/etc").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    const FILE: tar::EntryType = tar::EntryType::Regular;

    #[test]
    fn files_and_folders_come_out_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("new/one");
        let entries = [
            ("empty", tar::EntryType::Directory, &b""[..]),
            ("a/b/c", FILE, b"deep"),
            ("top", FILE, b"t"),
        ];
        let unpacked = unpack(&tar(&entries)[..], &destination).unwrap();
        assert_eq!(unpacked, Unpacked { files: 2, bytes: 5 });
        assert!(destination.join("empty").is_dir());
        assert_eq!(fs::read(destination.join("a/b/c")).unwrap(), b"deep");
        let modified = fs::metadata(destination.join("top")).unwrap().modified();
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(modified.unwrap(), expected);
        // Again over the same files, shorter ones among them.
        unpack(&tar(&[("a/b/c", FILE, b"d")])[..], &destination).unwrap();
        assert_eq!(fs::read(destination.join("a/b/c")).unwrap(), b"d");
    }

    #[test]
    fn nothing_is_written_outside() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("in");
        fs::create_dir(&destination).unwrap();
        symlink("..", destination.join("up")).unwrap();
        symlink(folder.path().join("new"), destination.join("link")).unwrap();
        for path in ["../out", "a/../../out", "/tmp/stoker-out", "up/out", "link"] {
            let error = unpack(&tar(&[(path, FILE, b"x")])[..], &destination);
            assert!(error.is_err(), "{path}");
        }
        let link = ("x", tar::EntryType::Symlink, &b""[..]);
        let error = unpack(&tar(&[link])[..], &destination).unwrap_err();
        assert!(error.to_string().contains("neither a file"), "{error}");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn a_tar_that_breaks_off_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let whole = tar(&[("a", FILE, &[b'x'; 2_000])]);
        assert!(unpack(&whole[..1_500], folder.path()).is_err());
    }
}
