//! A master of a few lines on a real socket: it hands each stream to the test, which speaks for it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use stoker_proto::{
    convert::scheduler::{decode_calls, encode_events},
    v1::{
        SchedulerCalls, SchedulerEvents,
        scheduler_service_server::{SchedulerService, SchedulerServiceServer},
    },
};
use stoker_sdk_scheduler::Epoch;
use stoker_types::scheduler::{Call, Event, NumberedCall};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use crate::bench;

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A master that listens.
pub(crate) struct Master {
    address: SocketAddr,
    streams: mpsc::UnboundedReceiver<Stream>,
    refusal: Arc<Mutex<Option<Status>>>,
    server: JoinHandle<()>,
}

/// One scheduler's stream, spoken for by the test.
pub(crate) struct Stream {
    calls: Streaming<SchedulerCalls>,
    events: mpsc::Sender<Result<SchedulerEvents, Status>>,
    waiting: Vec<NumberedCall>,
    /// How many calls the batches had.
    pub(crate) batches: Vec<usize>,
}

struct Service {
    streams: mpsc::UnboundedSender<Stream>,
    refusal: Arc<Mutex<Option<Status>>>,
}

#[tonic::async_trait]
impl SchedulerService for Service {
    type ConnectStream = ReceiverStream<Result<SchedulerEvents, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<SchedulerCalls>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let (events, receiver) = mpsc::channel(4);
        let stream = Stream {
            calls: request.into_inner(),
            events,
            waiting: Vec::new(),
            batches: Vec::new(),
        };
        self.streams
            .send(stream)
            .map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Master {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = mpsc::unbounded_channel();
        let refusal = Arc::new(Mutex::new(None));
        let service = SchedulerServiceServer::new(Service {
            streams: sender,
            refusal: Arc::clone(&refusal),
        });
        let server = Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        Self {
            address,
            streams,
            refusal,
            server: tokio::spawn(async move { server.await.unwrap() }),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses every stream from now on.
    pub(crate) fn refuse(&self, status: Status) {
        *self.refusal.lock().unwrap() = Some(status);
    }

    /// The next stream.
    pub(crate) async fn accept(&mut self) -> Stream {
        let stream = timeout(PATIENCE, self.streams.recv()).await;
        stream.expect("a scheduler connects").unwrap()
    }

    /// The next stream, and its scheduler taken in; with what it subscribed.
    pub(crate) async fn register(&mut self, epoch: Epoch) -> (Stream, Call) {
        let mut stream = self.accept().await;
        let subscribe = stream.call().await.call;
        stream.say(epoch, bench::subscribed(epoch)).await;
        (stream, subscribe)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stream {
    pub(crate) async fn say(&self, epoch: Epoch, event: Event) {
        for batch in encode_events(epoch, [event]) {
            self.events.send(Ok(batch)).await.unwrap();
        }
    }

    pub(crate) async fn say_raw(&self, batch: Result<SchedulerEvents, Status>) {
        self.events.send(batch).await.unwrap();
    }

    /// The next call.
    pub(crate) async fn call(&mut self) -> NumberedCall {
        timeout(PATIENCE, self.next())
            .await
            .expect("a call in time")
            .expect("a call")
    }

    /// That the scheduler ends its half, after nothing more.
    pub(crate) async fn end(&mut self) {
        let next = timeout(PATIENCE, self.next())
            .await
            .expect("an end in time");
        assert_eq!(next, None);
    }

    async fn next(&mut self) -> Option<NumberedCall> {
        while self.waiting.is_empty() {
            // A broken connection is an end too.
            let batch = self.calls.message().await.ok().flatten()?;
            self.batches.push(batch.calls.len());
            let calls = decode_calls(batch).unwrap();
            self.waiting = calls.into_iter().map(Result::unwrap).rev().collect();
        }
        self.waiting.pop()
    }
}
