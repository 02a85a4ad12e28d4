//! What the streams of schedulers and agents have in common: the way out, and the end.
//!
//! Owns how a queue becomes batches on the wire, each with the master's term, and how the end of
//! one direction ends the other. Which messages there are is the services' business.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use stoker_types::{Epoch, limit};
use tonic::{Code, Request, Status, Streaming};

use super::status;
use crate::{
    driver::{Ending, Outbox, Taken, Weigh},
    server::RemoteAddress,
};

/// A peer has this long to say who it is.
const FIRST_BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes batches of what is to be told.
pub(super) type Encode<T, B> = fn(Epoch, Vec<T>) -> Vec<B>;

/// Batches, as a peer gets them.
pub(super) type Batches<B> = std::pin::Pin<Box<dyn Stream<Item = Result<B, Status>> + Send>>;

struct Outgoing<T: Weigh, B> {
    outbox: Leaving<T>,
    epoch: Epoch,
    encode: Encode<T, B>,
    ready: VecDeque<B>,
    is_over: bool,
}

/// Ends the queue when the peer is no longer written to, so that its calls are no longer read.
struct Leaving<T: Weigh>(Arc<Outbox<T>>);

impl<T: Weigh> Drop for Leaving<T> {
    fn drop(&mut self) {
        self.0.cut(Ending::Finished);
    }
}

/// The queue as a stream of batches. It ends with a status where its end has one.
pub(super) fn outgoing<T, B>(
    outbox: Arc<Outbox<T>>,
    epoch: Epoch,
    encode: Encode<T, B>,
) -> Batches<B>
where
    T: Weigh + Send + 'static,
    B: Send + 'static,
{
    let outbox = Leaving(outbox);
    let state = Outgoing {
        outbox,
        epoch,
        encode,
        ready: VecDeque::new(),
        is_over: false,
    };
    Box::pin(stream::unfold(state, next))
}

async fn next<T: Weigh, B>(
    mut state: Outgoing<T, B>,
) -> Option<(Result<B, Status>, Outgoing<T, B>)> {
    loop {
        if let Some(batch) = state.ready.pop_front() {
            return Some((Ok(batch), state));
        }
        if state.is_over {
            return None;
        }
        match state.outbox.0.take(limit::BATCH_ITEMS).await {
            Taken::Items(items) => state.ready = (state.encode)(state.epoch, items).into(),
            Taken::End(ending) => {
                state.is_over = true;
                let status = status::ending(&ending)?;
                return Some((Err(status), state));
            }
        }
    }
}

/// What came in on a stream.
pub(super) enum Incoming<M> {
    /// A batch.
    Batch(M),
    /// The stream is over: the peer has left, or was told to.
    Over,
    /// The peer sent what is no message.
    Nonsense(String),
}

/// Waits for the next batch of a peer, or for the end of its queue. A peer whose first batch
/// `is_first` does not come in time takes a place from others for nothing.
pub(super) async fn incoming<T: Weigh, M>(
    outbox: &Outbox<T>,
    batches: &mut Streaming<M>,
    is_first: bool,
) -> Incoming<M> {
    let message = tokio::select! {
        biased;
        () = outbox.ended() => return Incoming::Over,
        message = batches.message() => message,
        () = tokio::time::sleep(FIRST_BATCH_TIMEOUT), if is_first => {
            let waited = stoker_types::duration::display(FIRST_BATCH_TIMEOUT);
            return Incoming::Nonsense(format!("no call came within {waited}: say who this is"));
        }
    };
    match message {
        Ok(Some(batch)) => Incoming::Batch(batch),
        Ok(None) => Incoming::Over,
        Err(error) if is_nonsense(&error) => Incoming::Nonsense(error.message().to_owned()),
        Err(_) => Incoming::Over,
    }
}

/// Whether a broken stream is the peer's doing and no matter of the network: tonic gives these
/// codes to messages that are too large or no messages, and names no cause.
fn is_nonsense(error: &Status) -> bool {
    let is_about_messages = matches!(
        error.code(),
        Code::OutOfRange | Code::Internal | Code::InvalidArgument | Code::Unimplemented
    );
    is_about_messages && std::error::Error::source(error).is_none()
}

/// Where a peer is, as the log shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin(Option<RemoteAddress>);

impl Origin {
    pub(super) fn of<M>(request: &Request<M>) -> Self {
        Self(request.extensions().get().copied())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(RemoteAddress(address)) => address.fmt(formatter),
            None => formatter.write_str("an unknown address"),
        }
    }
}

/// Ends a stream whose peer sent what cannot be read; logged here, once a stream.
pub(super) fn refuse<T: Weigh>(
    outbox: &Outbox<T>,
    (peer, from): (&'static str, Origin),
    message: String,
) {
    let error = &message;
    tracing::warn!(peer, %from, error, "a peer sent what cannot be read; its stream is ended");
    outbox.cut(Ending::Nonsense(message));
}
