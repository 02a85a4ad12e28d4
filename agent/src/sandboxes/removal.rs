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

/// Removes `place` and all that is in it. Nothing there is as good; a link is removed, not followed.
///
/// # Errors
/// As [`empty`].
pub(crate) fn discard(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => {
            empty(place)?;
            fs::remove_dir(place)
        }
        Ok(_) => fs::remove_file(place),
    }
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

    #[test]
    fn a_place_is_removed_whatever_is_there_and_a_link_is_not_followed() {
        let top = tempfile::tempdir().unwrap();
        let place = |name: &str| top.path().join(name);
        fs::create_dir_all(place("folder/in/it")).unwrap();
        fs::create_dir(place("kept")).unwrap();
        fs::write(place("kept/file"), "x").unwrap();
        std::os::unix::fs::symlink(place("kept"), place("link")).unwrap();
        for name in ["folder", "link", "nothing"] {
            discard(&place(name)).unwrap();
            assert!(fs::symlink_metadata(place(name)).is_err(), "{name}");
        }
        assert!(place("kept/file").exists());
    }
}
