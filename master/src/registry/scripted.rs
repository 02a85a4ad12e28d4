//! A registry for tests: remembers its commits, and makes each wait for a word.

use std::sync::{Arc, Mutex, mpsc};

use stoker_master_core::{Recovered, RegistryOperation};
use stoker_types::Epoch;

use super::{Registry, RegistryError};

/// The registry.
pub(crate) struct Scripted {
    commits: Arc<Mutex<Vec<Vec<u64>>>>,
    go: mpsc::Receiver<bool>,
}

/// What a test holds of it.
pub(crate) struct Script {
    commits: Arc<Mutex<Vec<Vec<u64>>>>,
    go: mpsc::Sender<bool>,
}

/// A registry whose commits wait for the script; once the script is dropped, they succeed at once.
pub(crate) fn scripted() -> (Scripted, Script) {
    let commits = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = mpsc::channel();
    let script = Script {
        commits: Arc::clone(&commits),
        go: sender,
    };
    (
        Scripted {
            commits,
            go: receiver,
        },
        script,
    )
}

impl Script {
    /// Lets one commit succeed, or fail.
    pub(crate) fn let_one_commit(&self, succeeds: bool) {
        self.go.send(succeeds).unwrap();
    }

    /// The sequence numbers of each commit that was begun.
    pub(crate) fn commits(&self) -> Vec<Vec<u64>> {
        self.commits.lock().unwrap().clone()
    }

    /// Waits until so many commits were begun.
    pub(crate) async fn wait_for_commits(&self, count: usize) {
        while self.commits.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

impl Registry for Scripted {
    fn load(&mut self) -> Result<Recovered, RegistryError> {
        Ok(Recovered::default())
    }

    fn begin_term(&mut self) -> Result<Epoch, RegistryError> {
        Ok(Epoch::new(1))
    }

    fn commit(&mut self, operations: &[(u64, RegistryOperation)]) -> Result<(), RegistryError> {
        let sequences = operations.iter().map(|(sequence, _)| *sequence).collect();
        self.commits.lock().unwrap().push(sequences);
        if self.go.recv().unwrap_or(true) {
            return Ok(());
        }
        let (mine, stored) = (Epoch::new(1), Epoch::new(2));
        Err(RegistryError::Deposed { mine, stored })
    }
}
