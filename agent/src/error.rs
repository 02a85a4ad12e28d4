//! Why an agent cannot run: each a line that says what to do.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::config::ConfigError;

/// Why an agent did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refuses something that the agent cannot do without.
    #[error("failed to {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another daemon has the data directory.
    #[error(
        "{} is in use by the agent with process id {owner}: stop that one, or give this one \
         another --data",
        path.display()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The other's process id, or `unknown`.
        owner: String,
    },
    /// The data directory has another layout.
    #[error(
        "{} was written by another version of stoker ({found}; this one writes {expected}): start \
         that version, or give this one another --data",
        path.display()
    )]
    DataVersion {
        /// The data directory.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What this program makes.
        expected: &'static str,
    },
    /// The kernel does not confine runners as is required.
    #[error("this machine lacks {missing}; without --require-hardening the agent runs with less")]
    NotHardened {
        /// What is missing, and what to do.
        missing: String,
    },
    /// The checkpoint log is damaged, or cannot be read or written.
    #[error("{message}")]
    Checkpoint {
        /// The file, where in it, and what to do.
        message: String,
    },
    /// The page for health and metrics cannot be served.
    #[error("failed to listen on {address}: {}", listen_advice(cause))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why; the message says it already.
        cause: io::Error,
    },
    /// The core ended the agent: the master refused it for good, or something it stands on broke.
    #[error("{message}")]
    Ended {
        /// Why.
        message: String,
    },
}

impl AgentError {
    /// Says which operation on what failed.
    pub(crate) fn io(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}

fn listen_advice(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use; choose another one with --listen".to_owned()
        }
        _ => cause.to_string(),
    }
}
