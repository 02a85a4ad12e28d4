//! The agent's folder: what lies where in it, and that only one daemon uses it.
//!
//! ```text
//! VERSION      the layout, one line
//! lock         held while a daemon runs
//! checkpoint/  the agent's memory
//! artifacts/   compiled modules, blobs, and the key that authenticates them
//! run/         a socket and a process id for each runner
//! logs/        what runners write to their stderr
//! sandboxes/   FRAMEWORK/TASK/{stdout{,.N},stderr{,.N},work/,inputs/}
//! staging/     sandboxes in the making, and on their way out; emptied at each start
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use stoker_types::{FrameworkId, TaskKey};

use crate::{AgentError, sandboxes::empty};

const LAYOUT: &str = "stoker agent data, layout 1";

/// The folder, locked.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    root: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    /// If another daemon has it, another version wrote it, or it cannot be written.
    pub(crate) fn open(root: &Path) -> Result<Self, AgentError> {
        make_folder(root)?;
        let lock = lock(root)?;
        check_layout(root)?;
        let directory = Self {
            root: root.to_owned(),
            _lock: lock,
        };
        let staging = directory.staging();
        match empty(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AgentError::io("empty", staging)(error));
            }
            Ok(()) | Err(_) => {}
        }
        for folder in [
            directory.artifacts(),
            staging,
            directory.run(),
            directory.logs(),
            directory.sandboxes(),
        ] {
            make_folder(&folder)?;
        }
        Ok(directory)
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(crate) fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }
}

/// The sandbox of a task in the folder of all sandboxes. Ids are safe as file names.
pub(crate) fn sandbox(sandboxes: &Path, task: &TaskKey) -> PathBuf {
    tenant_folder(sandboxes, task.framework_id).join(task.task_id.as_str())
}

/// The folder of all sandboxes of a framework's tasks. Its runners reach nothing else: it stays as
/// long as one of them lives.
pub(crate) fn tenant_folder(sandboxes: &Path, framework_id: FrameworkId) -> PathBuf {
    sandboxes.join(framework_id.to_string())
}

fn make_folder(path: &Path) -> Result<(), AgentError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(AgentError::io("make the folder", path))
}

fn lock(root: &Path) -> Result<File, AgentError> {
    let path = root.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(AgentError::io("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut owner = String::new();
            let is_known = file.read_to_string(&mut owner).is_ok() && !owner.trim().is_empty();
            let owner = if is_known {
                owner.trim().to_owned()
            } else {
                "unknown".to_owned()
            };
            return Err(AgentError::InUse {
                path: root.to_owned(),
                owner,
            });
        }
        Err(error) => return Err(AgentError::io("lock", path)(error.into())),
    }
    // For the message above; nothing else reads it.
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(AgentError::io("write", path))?;
    Ok(file)
}

fn check_layout(root: &Path) -> Result<(), AgentError> {
    let path = root.join("VERSION");
    match fs::read_to_string(&path) {
        Ok(text) if text.trim() == LAYOUT => Ok(()),
        Ok(text) => Err(AgentError::DataVersion {
            path: root.to_owned(),
            found: text.trim().chars().take(80).collect(),
            expected: LAYOUT,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::write(&path, format!("{LAYOUT}\n")).map_err(AgentError::io("write", path))
        }
        Err(error) => Err(AgentError::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_daemon_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(root.path()).unwrap();
        let message = DataDirectory::open(root.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("process id {}", std::process::id())),
            "{message}"
        );
        assert!(message.contains("--data"), "{message}");
        drop(first);
        DataDirectory::open(root.path()).unwrap();
    }

    #[test]
    fn a_folder_of_another_layout_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("VERSION"), "stoker agent data, layout 9\n").unwrap();
        let message = DataDirectory::open(root.path()).unwrap_err().to_string();
        assert!(
            message.contains("layout 9") && message.contains("layout 1"),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
    }

    #[test]
    fn a_sandbox_is_named_after_its_task() {
        let task = TaskKey {
            framework_id: "framework-aaaaaaaaaaaaa".parse().unwrap(),
            task_id: "map-1".parse().unwrap(),
        };
        assert_eq!(
            sandbox(Path::new("/data/sandboxes"), &task),
            Path::new("/data/sandboxes/framework-aaaaaaaaaaaaa/map-1")
        );
    }
}
