//! Where runners' sockets lie, and how their paths stay short enough.
//!
//! The kernel takes 107 bytes for a socket's path. A data directory may be deeper than that; then
//! its folder is named through this process' descriptor of it, which is always short.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{ffi::OsStrExt as _, net::UnixListener},
    },
    path::{Path, PathBuf},
};

use stoker_types::RunnerId;
use tokio::net::UnixStream;

/// The longest path of a socket, in bytes.
const PATH_BYTES: usize = 107;

/// The folder of all runners' sockets and process ids.
#[derive(Debug)]
pub(crate) struct SocketFolder {
    path: PathBuf,
    handle: File,
}

impl SocketFolder {
    /// Opens the folder, which exists.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            handle: File::open(&path)?,
            path,
        })
    }

    /// Listens where a new runner is to be reached.
    pub(crate) fn listen(&self, runner_id: RunnerId) -> io::Result<UnixListener> {
        self.listen_as(&runner_id.to_string())
    }

    /// Listens by a name that is no runner's yet.
    pub(crate) fn listen_as(&self, name: &str) -> io::Result<UnixListener> {
        UnixListener::bind(self.address(name))
    }

    /// Has whoever listens by a name be reached as a runner from now on.
    pub(crate) fn rename(&self, name: &str, runner_id: RunnerId) -> io::Result<()> {
        let new = self.path.join(socket_name(&runner_id.to_string()));
        fs::rename(self.path.join(socket_name(name)), new)
    }

    /// Removes the socket of a name that is no runner's.
    pub(crate) fn remove_named(&self, name: &str) {
        // There need not be one.
        drop(fs::remove_file(self.path.join(socket_name(name))));
    }

    /// The names that are no runner's and of which there is a socket.
    pub(crate) fn other_names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = files.filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            Some(name.strip_suffix(".sock")?.to_owned())
        });
        names
            .filter(|name| name.parse::<RunnerId>().is_err())
            .collect()
    }

    /// Connects to whoever listens for this runner.
    pub(crate) async fn connect(&self, runner_id: RunnerId) -> io::Result<UnixStream> {
        UnixStream::connect(self.address(&runner_id.to_string())).await
    }

    /// Notes which process a runner is.
    pub(crate) fn note_process(&self, runner_id: RunnerId, identity: &str) -> io::Result<()> {
        fs::write(self.process_file(runner_id), identity)
    }

    /// What was noted.
    pub(crate) fn noted_process(&self, runner_id: RunnerId) -> Option<String> {
        fs::read_to_string(self.process_file(runner_id)).ok()
    }

    /// The runners of which there is a note or a socket.
    pub(crate) fn noted_runners(&self) -> HashSet<RunnerId> {
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten();
        files
            .filter_map(|file| {
                let name = file.file_name();
                let name = name.to_str()?;
                name.strip_suffix(".pid")
                    .or_else(|| name.strip_suffix(".sock"))?
                    .parse()
                    .ok()
            })
            .collect()
    }

    /// Removes all traces of a runner that is over.
    pub(crate) fn remove(&self, runner_id: RunnerId) {
        for path in [
            self.path.join(socket_name(&runner_id.to_string())),
            self.process_file(runner_id),
        ] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a runner's file");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn process_file(&self, runner_id: RunnerId) -> PathBuf {
        self.path.join(format!("{runner_id}.pid"))
    }

    fn address(&self, name: &str) -> PathBuf {
        let name = socket_name(name);
        let path = self.path.join(&name);
        if path.as_os_str().as_bytes().len() <= PATH_BYTES {
            return path;
        }
        Path::new("/proc/self/fd")
            .join(self.handle.as_raw_fd().to_string())
            .join(name)
    }
}

fn socket_name(name: &str) -> String {
    format!("{name}.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn meet(folder: PathBuf) {
        let runner_id = RunnerId::from_bits(7);
        fs::create_dir_all(&folder).unwrap();
        let folder = SocketFolder::open(folder).unwrap();
        let listener = folder.listen(runner_id).unwrap();
        folder.connect(runner_id).await.unwrap();
        drop(listener);
        // A process that another test starts holds a copy of the listener until it is another program.
        let mut attempts = 0..200;
        let error = loop {
            match folder.connect(runner_id).await {
                Err(error) => break error,
                Ok(_) => assert!(attempts.next().is_some(), "it still listens"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        folder.note_process(runner_id, "7 9").unwrap();
        assert_eq!(folder.noted_process(runner_id).unwrap(), "7 9");
        folder.remove(runner_id);
        assert!(fs::read_dir(&folder.path).unwrap().next().is_none());
        folder.remove(runner_id);
    }

    #[tokio::test]
    async fn a_socket_is_reached_in_a_folder_of_any_depth() {
        let root = tempfile::tempdir().unwrap();
        meet(root.path().join("run")).await;
        meet(
            root.path()
                .join("deep-".repeat(40))
                .join("deeper-".repeat(30)),
        )
        .await;
    }
}
