//! The stream to the master: dialled, batched, dialled again.
//!
//! Owns the connection and its numbers. What is said on it is the core's business: this passes
//! calls out and events in, and tells when a stream opens and ends. Masters are tried in turn, with
//! pauses that grow and jitter; a stream that cannot take what is to be said is given up, because
//! the next registration says it anew.

mod dial;
mod outgoing;
mod stream;

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use stoker_agent_core::{ConnectionId, Input};
use stoker_types::agent::AgentCall;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Uri};

use dial::Dialer;

/// The calls that may wait for a stream before it counts as stuck.
const QUEUED_CALLS: usize = 65_536;

/// Where bulk data is fetched from and sent to: the master of the present stream.
#[derive(Clone, Debug)]
pub(crate) struct MasterChannel(watch::Receiver<Option<Channel>>);

impl MasterChannel {
    /// The present master, if there is one.
    pub(crate) fn get(&self) -> Option<Channel> {
        self.0.borrow().clone()
    }

    /// No master at all.
    pub(crate) fn none() -> Self {
        Self(watch::channel(None).1)
    }

    /// Always this one. For tests.
    #[cfg(test)]
    pub(crate) fn fixed(channel: Option<Channel>) -> Self {
        Self(watch::channel(channel).1)
    }
}

/// What was done, for metrics.
#[derive(Debug, Default)]
pub(crate) struct MasterCounters {
    /// Streams opened.
    pub(crate) connections: AtomicU64,
}

/// The stream that is open, as the driver sees it.
#[derive(Debug)]
struct Open {
    connection: ConnectionId,
    calls: mpsc::Sender<AgentCall>,
    give_up: CancellationToken,
}

type Current = Arc<Mutex<Option<Open>>>;

/// The agent's side of the stream.
#[derive(Debug)]
pub(crate) struct MasterClient {
    current: Current,
    closing: CancellationToken,
    dialling: JoinHandle<()>,
    channel: MasterChannel,
    counters: Arc<MasterCounters>,
}

impl MasterClient {
    /// Starts to dial. Streams and what comes over them are told to `inputs`.
    pub(crate) fn start(masters: Vec<Uri>, inputs: mpsc::Sender<Input>) -> Self {
        let current = Current::default();
        let closing = CancellationToken::new();
        let counters = Arc::new(MasterCounters::default());
        let (sender, channel) = watch::channel(None);
        let dialer = Dialer {
            masters,
            inputs,
            current: Arc::clone(&current),
            closing: closing.clone(),
            channel: sender,
            counters: Arc::clone(&counters),
        };
        let dialling = tokio::spawn(dialer.run());
        Self {
            current,
            closing,
            dialling,
            channel: MasterChannel(channel),
            counters,
        }
    }

    /// Where bulk data goes.
    pub(crate) fn channel(&self) -> MasterChannel {
        self.channel.clone()
    }

    /// What was done.
    pub(crate) fn counters(&self) -> Arc<MasterCounters> {
        Arc::clone(&self.counters)
    }

    /// Says something on a stream, if it is still the present one. Never waits.
    pub(crate) fn send(&self, connection: ConnectionId, call: AgentCall) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = current
            .as_ref()
            .filter(|open| open.connection == connection)
        else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = open.calls.try_send(call) {
            tracing::warn!("the master takes nothing any more; the stream to it is given up");
            open.give_up.cancel();
        }
    }

    /// Ends a stream, if it is still the present one; another is dialled.
    pub(crate) fn disconnect(&self, connection: ConnectionId) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = current
            .as_ref()
            .filter(|open| open.connection == connection)
        {
            open.give_up.cancel();
        }
    }

    /// Sends what is left, ends the stream and dials no more; gives up after `within`.
    pub(crate) async fn close(self, within: Duration) {
        self.closing.cancel();
        drop(
            self.current
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let mut dialling = self.dialling;
        if timeout(within, &mut dialling).await.is_err() {
            dialling.abort();
        }
    }
}

#[cfg(test)]
mod tests;
