//! One connection to one master: dialled, talked over, and gone.
//!
//! Owns the sockets' task and the two bounded queues to and from it, and turns wire messages into
//! events. Never looks at what they say.

use std::{collections::VecDeque, time::Duration};

use stoker_proto::{
    convert::scheduler::decode_events,
    v1::{SchedulerCalls, scheduler_service_client::SchedulerServiceClient},
};
use stoker_types::{Epoch, limit, scheduler::Event};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, transport::Endpoint};

use super::root_cause;

/// How many batches of calls may wait for the socket.
const WAITING_BATCHES: usize = 4;
/// How many batches of events may wait for the scheduler: beyond, the master feels it.
const WAITING_EVENTS: usize = 4;
/// How long the master may take to end its half of a stream that this side has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection to a master; dropping it closes it.
#[derive(Debug)]
pub(super) struct Link {
    calls: mpsc::Sender<SchedulerCalls>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

/// What a connection tells.
#[derive(Debug)]
pub(super) enum News {
    /// The master is reached.
    Connected,
    /// The master says something.
    Events(Epoch, Vec<Event>),
    /// It is over; the last word.
    Closed { message: String, retry: bool },
}

impl Link {
    /// Begins to dial.
    pub(super) fn open(endpoint: Endpoint) -> Self {
        let (calls, waiting_calls) = mpsc::channel(WAITING_BATCHES);
        let (sender, news) = mpsc::channel(WAITING_EVENTS);
        let task = tokio::spawn(async move {
            let (message, retry) = match converse(&endpoint, waiting_calls, &sender).await {
                Ok(()) => ("the master closed the connection".to_owned(), true),
                Err(status) => (describe(&status), is_worth_a_retry(status.code())),
            };
            // No one listens any more if this fails, and that is as good.
            drop(sender.send(News::Closed { message, retry }).await);
        });
        Self { calls, news, task }
    }

    /// Sends the next of these batches, which gives nothing, or hears what is new if it `listens`,
    /// whichever comes first. Cancelling it loses nothing.
    pub(super) async fn talk(
        &mut self,
        batches: &mut VecDeque<SchedulerCalls>,
        listens: bool,
    ) -> Option<News> {
        let Self { calls, news, .. } = self;
        tokio::select! {
            Ok(room) = calls.reserve(), if !batches.is_empty() => {
                if let Some(batch) = batches.pop_front() {
                    room.send(batch);
                }
                None
            }
            Some(news) = news.recv(), if listens => Some(news),
            // There is nothing to send, or no one to send it to.
            else => Some(next(news).await),
        }
    }

    /// Sends what is left, ends this side's half, and waits until the master has ended its own: then
    /// it has read everything.
    pub(super) async fn finish(mut self, batches: Vec<SchedulerCalls>) {
        let farewell = async {
            for batch in batches {
                if self.calls.send(batch).await.is_err() {
                    return;
                }
            }
            let (closed, _) = mpsc::channel(1);
            self.calls = closed;
            while !matches!(next(&mut self.news).await, News::Closed { .. }) {}
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::debug!("the master did not end the stream in time");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a connection tells next; its end, once that is told.
async fn next(news: &mut mpsc::Receiver<News>) -> News {
    news.recv().await.unwrap_or_else(|| News::Closed {
        message: "the connection's task has ended".to_owned(),
        retry: true,
    })
}

/// Dials, opens the stream and passes on what comes, until it ends.
async fn converse(
    endpoint: &Endpoint,
    calls: mpsc::Receiver<SchedulerCalls>,
    news: &mpsc::Sender<News>,
) -> Result<(), Status> {
    let channel = endpoint
        .connect()
        .await
        .map_err(|error| Status::unavailable(root_cause(&error)))?;
    if news.send(News::Connected).await.is_err() {
        return Ok(());
    }
    let mut client = SchedulerServiceClient::new(channel)
        .max_decoding_message_size(limit::GRPC_MESSAGE_BYTES)
        .max_encoding_message_size(limit::GRPC_MESSAGE_BYTES);
    let response = client.connect(ReceiverStream::new(calls)).await?;
    let mut batches = response.into_inner();
    while let Some(batch) = batches.message().await? {
        let (epoch, events) = decode_events(batch)
            .map_err(|error| Status::internal(format!("the master sent nonsense: {error}")))?;
        if news.send(News::Events(epoch, events)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// A status in one line: its message, or what it came from.
fn describe(status: &Status) -> String {
    if status.code() == Code::Unimplemented {
        return "this is no Stoker master, or one of another version".to_owned();
    }
    if status.message().is_empty() {
        root_cause(status)
    } else {
        status.message().to_owned()
    }
}

/// Whether a master that answered so may answer otherwise another time, or another master may.
const fn is_worth_a_retry(code: Code) -> bool {
    !matches!(
        code,
        Code::InvalidArgument
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
    )
}
