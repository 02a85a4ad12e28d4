//! A task's own folder at its start: made, and measured if there is something in it.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{Limits, Quota, Used};
use crate::wasi::Folder;

/// The number under which a guest finds the first of its folders: after stdin, stdout and stderr.
const FIRST_FOLDER: u32 = 3;

/// The folder of a task's own, and what it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// The folder that is its `.`.
    pub(crate) work: PathBuf,
    /// The folder of its read-only inputs, which count as well; there need not be one.
    pub(crate) inputs: Option<PathBuf>,
    /// What both may take together.
    pub(crate) limits: Limits,
}

impl Disk {
    /// Makes the folder, which is to be the guest's first, and the quota of what is written to it.
    /// Takes as long as it takes to look at all inputs: not for a worker.
    ///
    /// # Errors
    /// If the folder cannot be made or an input not be looked at.
    pub(crate) fn prepare(&self) -> io::Result<(Folder, Quota)> {
        let mut used = Used::default();
        if let Some(parent) = self.work.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::create_dir(&self.work) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                measure(&self.work, &mut used)?;
            }
            Err(error) => return Err(error),
        }
        if let Some(inputs) = &self.inputs {
            match measure(inputs, &mut used) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                measured => measured?,
            }
        }
        let folder = Folder {
            host: self.work.clone(),
            guest: ".".to_owned(),
            read_only: false,
        };
        let quota = Quota::of_folder(self.limits, used, FIRST_FOLDER);
        Ok((folder, quota))
    }
}

/// Adds everything beneath `top`, itself not counted. Links are not followed.
pub(super) fn measure(top: &Path, used: &mut Used) -> io::Result<()> {
    let mut left = vec![top.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                left.push(entry.path());
            }
            used.add(if metadata.is_file() {
                metadata.len()
            } else {
                0
            });
        }
    }
    Ok(())
}
