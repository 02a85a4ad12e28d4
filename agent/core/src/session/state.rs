//! How far the session is.

use stoker_types::Epoch;

use crate::ConnectionId;

/// The stream to the master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    /// There is none.
    #[default]
    Closed,
    /// It is open; the agent does not know yet for certain what it has.
    Recovering {
        connection: ConnectionId,
        /// This record and all before it must be written first: what the log does not hold must
        /// not be told.
        written: u64,
    },
    /// The agent has introduced itself.
    Registering { connection: ConnectionId },
    /// The master has admitted it.
    Registered {
        connection: ConnectionId,
        epoch: Epoch,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Session {
    pub(crate) stream: Stream,
    /// The highest term that any master has named: one with a lower term is deposed.
    pub(crate) highest_epoch: Epoch,
}

impl Session {
    /// The open stream, if there is one.
    pub(crate) const fn connection(&self) -> Option<ConnectionId> {
        match self.stream {
            Stream::Closed => None,
            Stream::Recovering { connection, .. }
            | Stream::Registering { connection }
            | Stream::Registered { connection, .. } => Some(connection),
        }
    }

    /// The stream, if the master has admitted this agent on it.
    pub(crate) const fn registered(&self) -> Option<ConnectionId> {
        match self.stream {
            Stream::Closed | Stream::Recovering { .. } | Stream::Registering { .. } => None,
            Stream::Registered { connection, .. } => Some(connection),
        }
    }

    /// The term of the master that has admitted this agent.
    pub(crate) const fn registered_epoch(&self) -> Option<Epoch> {
        match self.stream {
            Stream::Closed | Stream::Recovering { .. } | Stream::Registering { .. } => None,
            Stream::Registered { epoch, .. } => Some(epoch),
        }
    }
}
