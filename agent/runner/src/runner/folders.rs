//! The folders of a sandbox that a task is given.
//!
//! Owns which they are and what the guest calls them; the daemon has put inputs into them, and the
//! WASI context says what a guest may do in each.

use std::{collections::BTreeSet, path::Path};

use stoker_types::{
    Input, TaskInfo,
    runner::{READ_ONLY_FOLDER, WORK_FOLDER},
};

use crate::wasi::{Disk, Folder, Limits};

/// The folder that is a task's `.`, if it has a disk, with at most so many files in it.
pub(super) fn own(task: &TaskInfo, sandbox: &Path, entries: u64) -> Option<Disk> {
    (task.resources.disk > 0).then(|| Disk {
        work: sandbox.join(WORK_FOLDER),
        inputs: Some(sandbox.join(READ_ONLY_FOLDER)),
        limits: Limits {
            bytes: task.resources.disk,
            entries,
        },
    })
}

/// The folders that hold what a task may only read, each beside its `.`: what is not beneath that
/// cannot be reached through it.
pub(super) fn read_only(task: &TaskInfo, sandbox: &Path) -> Vec<Folder> {
    let read_only = task.inputs.iter().filter(|input| input.read_only);
    let names: BTreeSet<&str> = read_only.map(Input::first_folder).collect();
    let folder = |name: &str| Folder {
        host: sandbox.join(READ_ONLY_FOLDER).join(name),
        guest: name.to_owned(),
        read_only: true,
    };
    names.into_iter().map(folder).collect()
}

#[cfg(test)]
mod tests {
    use stoker_types::{BlobForm, Digest, Resources, TaskLimits};

    use super::*;

    #[test]
    fn each_read_only_folder_is_given_once() {
        let input = |path: &str, read_only| Input {
            blob: Digest::of(b""),
            path: path.to_owned(),
            form: BlobForm::File,
            read_only,
        };
        let task = TaskInfo {
            id: "t".parse().unwrap(),
            name: String::new(),
            module: "file:/m.wasm".parse().unwrap(),
            module_digest: None,
            resources: Resources::default(),
            arguments: Vec::new(),
            program_name: String::new(),
            environment: Vec::new(),
            stdin: None,
            inputs: vec![
                input("in/b", true),
                input("own/c", false),
                input("data", true),
                input("in/a/d", true),
            ],
            outputs: Vec::new(),
            limits: TaskLimits::default(),
        };
        let folders = read_only(&task, Path::new("/sandbox"));
        let given: Vec<(&str, &str)> = folders
            .iter()
            .map(|folder| (folder.guest.as_str(), folder.host.to_str().unwrap()))
            .collect();
        let expected = [
            ("data", "/sandbox/inputs/data"),
            ("in", "/sandbox/inputs/in"),
        ];
        assert_eq!(given, expected);
        assert!(folders.iter().all(|folder| folder.read_only));
        assert_eq!(own(&task, Path::new("/sandbox"), 9), None);
    }
}
