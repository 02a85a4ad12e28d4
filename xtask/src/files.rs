//! The file system, with the path in every error. It never touches anything that it was not given.

use crate::failure::{Result, While};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).while_doing(|| format!("read {}", path.display()))
}

pub(crate) fn write(path: &Path, contents: &str) -> Result<()> {
    fs::write(path, contents).while_doing(|| format!("write {}", path.display()))
}

pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).while_doing(|| format!("make the folder {}", path.display()))
}

/// Deletes a folder and all in it; one that is not there is deleted already.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.while_doing(|| format!("delete {}", path.display())),
    }
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).while_doing(|| format!("rename {} to {}", from.display(), to.display()))
}

/// The paths in a folder, in the order of their names.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let doing = || format!("list {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).while_doing(doing)? {
        paths.push(entry.while_doing(doing)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The files in a folder that end in `.extension`.
pub(crate) fn list_with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut paths = list(folder)?;
    paths.retain(|path| path.extension() == Some(OsStr::new(extension)));
    Ok(paths)
}

/// The last part of a path as text, for people and for comparisons.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
