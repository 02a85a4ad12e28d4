//! Dialling: which master, when, and what is said of it in the log.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use stoker_agent_core::{ConnectionId, Input};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Uri};

use super::{Current, MasterCounters, Open, QUEUED_CALLS, stream};

/// A master that does not answer within this is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A quiet connection is tried this often,
const PING_EVERY: Duration = Duration::from_secs(15);
/// and is dead if the other side does not answer within this.
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// What may be on its way on one stream, in bytes: a few batches.
const STREAM_WINDOW: u32 = 4 << 20;

/// Dials masters, one stream after the other.
pub(super) struct Dialer {
    pub(super) masters: Vec<Uri>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) current: Current,
    pub(super) closing: CancellationToken,
    pub(super) channel: watch::Sender<Option<Channel>>,
    pub(super) counters: Arc<MasterCounters>,
}

/// How a stream ended.
#[derive(Debug)]
pub(super) struct StreamEnd {
    /// Whether the master had said anything: then it was a real one.
    pub(super) was_heard: bool,
    /// For people.
    pub(super) cause: String,
}

impl Dialer {
    /// Until the client closes.
    pub(super) async fn run(self) {
        let mut pauses = pauses();
        let mut log = Log::default();
        let mut number = 0;
        let masters = self.masters.clone();
        for master in masters.iter().cycle() {
            let end = self.attempt(master, &mut number, &mut log).await;
            if self.closing.is_cancelled() {
                return;
            }
            if end.was_heard {
                pauses = self::pauses();
            }
            log.ended(master, &end.cause);
            let pause = pauses.next().unwrap_or(CONNECT_WITHIN);
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Connects to one master and stays with it until the stream ends.
    async fn attempt(&self, master: &Uri, number: &mut u64, log: &mut Log) -> StreamEnd {
        let endpoint = endpoint(master);
        let control = tokio::select! {
            connected = endpoint.connect() => connected.map_err(|error| root_cause(&error)),
            () = self.closing.cancelled() => Err("the agent ends".to_owned()),
        };
        let control = match control {
            Ok(channel) => channel,
            Err(cause) => {
                return StreamEnd {
                    was_heard: false,
                    cause,
                };
            }
        };
        *number += 1;
        let connection = ConnectionId(*number);
        let (calls, outgoing) = mpsc::channel(QUEUED_CALLS);
        let give_up = CancellationToken::new();
        self.set_current(Some(Open {
            connection,
            calls,
            give_up: give_up.clone(),
        }));
        // A connection of its own: bulk data must not hold up control.
        self.channel.send_replace(Some(endpoint.connect_lazy()));
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        drop(self.inputs.send(Input::Connected { connection }).await);
        let opened = || log.opened(master);
        let end = tokio::select! {
            end = stream::pass(control, connection, outgoing, &self.inputs, opened) => end,
            () = give_up.cancelled() => StreamEnd {
                was_heard: false,
                cause: "the agent left it".to_owned(),
            },
        };
        self.set_current(None);
        self.channel.send_replace(None);
        drop(self.inputs.send(Input::Disconnected { connection }).await);
        end
    }

    fn set_current(&self, open: Option<Open>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = open;
    }
}

fn endpoint(master: &Uri) -> Endpoint {
    Endpoint::from(master.clone())
        .connect_timeout(CONNECT_WITHIN)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(2 * STREAM_WINDOW)
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
        .build()
}

/// The innermost error, which says what happened; those around it say "transport error".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Says each change once.
#[derive(Debug, Default)]
struct Log {
    is_connected: bool,
    failures: u64,
}

impl Log {
    fn opened(&mut self, master: &Uri) {
        tracing::info!(%master, "connected to the master");
        self.is_connected = true;
        self.failures = 0;
    }

    fn ended(&mut self, master: &Uri, cause: &str) {
        self.failures += 1;
        if std::mem::take(&mut self.is_connected) {
            tracing::warn!(%master, cause, "lost the master; dialling again");
        } else if self.failures == 1 {
            tracing::warn!(%master, cause, "no master answers; trying again until one does");
        } else {
            tracing::debug!(%master, cause, "no master answers");
        }
    }
}
