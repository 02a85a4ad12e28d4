//! Removes trees that guests made, however deep.
//!
//! A guest may nest folders deeper than a path is long and than a process has descriptors; a
//! removal that follows them down would fail there, and the disk would stay full.

use std::{fs, io, path::Path};

/// Removes all that is in `top`. Folders are moved to the top as they are met, so that nothing is
/// ever deeper than two; links are not followed.
///
/// # Errors
/// The first that happens; what is left can be removed by another call.
pub(crate) fn empty(top: &Path) -> io::Result<()> {
    let mut folders = Vec::new();
    let mut number = 0_u64;
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            let moved = loop {
                number += 1;
                let place = top.join(format!("removing-{number}"));
                // An earlier call that was interrupted may have left that name.
                if !place.exists() {
                    break place;
                }
            };
            fs::rename(entry.path(), &moved)?;
            folders.push(moved);
        }
        fs::remove_dir(&folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::fs::{Mode, OFlags, mkdirat, openat};

    use super::*;

    #[test]
    fn a_tree_deeper_than_any_path_is_removed() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("removing-1/a")).unwrap();
        fs::write(top.path().join("removing-1/a/file"), "x").unwrap();
        std::os::unix::fs::symlink("/", top.path().join("link")).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut folder = openat(rustix::fs::CWD, top.path(), flags, Mode::empty()).unwrap();
        for _ in 0..3000 {
            mkdirat(&folder, "deeper", Mode::RWXU).unwrap();
            folder = openat(&folder, "deeper", flags, Mode::empty()).unwrap();
        }
        empty(top.path()).unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }
}
