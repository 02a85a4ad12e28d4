//! The client against a real server in this process.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use stoker_proto::{
    convert::agent::{decode_calls, encode_events},
    v1::{
        self,
        agent_service_server::{AgentService, AgentServiceServer},
    },
};
use stoker_types::{Epoch, agent::AgentEvent};
use tokio::net::TcpListener;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use super::*;

type Events = Pin<Box<dyn Stream<Item = Result<v1::AgentEvents, Status>> + Send>>;

/// A stream as the test's master sees it.
struct AgentStream {
    calls: mpsc::Receiver<Vec<AgentCall>>,
    events: mpsc::Sender<Result<v1::AgentEvents, Status>>,
}

impl AgentStream {
    async fn say(&self, event: AgentEvent) {
        for batch in encode_events(Epoch::new(4), [event]) {
            self.events.send(Ok(batch)).await.unwrap();
        }
    }
}

/// Hands every stream to the test.
struct FakeMaster(mpsc::Sender<AgentStream>);

#[tonic::async_trait]
impl AgentService for FakeMaster {
    type ConnectStream = Events;

    async fn connect(
        &self,
        request: Request<Streaming<v1::AgentCalls>>,
    ) -> Result<Response<Events>, Status> {
        let mut incoming = request.into_inner();
        let (sender, calls) = mpsc::channel(10);
        let (events, outgoing) = mpsc::channel(10);
        tokio::spawn(async move {
            while let Ok(Some(batch)) = incoming.message().await {
                if sender.send(decode_calls(batch).unwrap()).await.is_err() {
                    return;
                }
            }
        });
        self.0.send(AgentStream { calls, events }).await.unwrap();
        Ok(Response::new(ReceiverStream::new(outgoing).boxed()))
    }

    async fn transfer(
        &self,
        _: Request<Streaming<v1::TransferChunk>>,
    ) -> Result<Response<v1::TransferDone>, Status> {
        Err(Status::unimplemented("transfer"))
    }
}

struct Bench {
    client: MasterClient,
    inputs: mpsc::Receiver<Input>,
    streams: mpsc::Receiver<AgentStream>,
}

impl Bench {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = mpsc::channel(10);
        tokio::spawn(
            Server::builder()
                .add_service(AgentServiceServer::new(FakeMaster(sender)))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        let masters = [
            "http://127.0.0.1:1/".to_owned(),
            format!("http://{address}/"),
        ];
        let (inputs_sender, inputs) = mpsc::channel(100);
        let masters = masters.iter().map(|text| text.parse().unwrap()).collect();
        let client = MasterClient::start(masters, inputs_sender);
        Self {
            client,
            inputs,
            streams,
        }
    }

    async fn connected(&mut self) -> ConnectionId {
        match self.inputs.recv().await.unwrap() {
            Input::Connected { connection } => connection,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_next_master_is_tried_and_calls_and_events_pass() {
    let mut bench = Bench::new().await;
    let connection = bench.connected().await;
    assert!(bench.client.channel().get().is_some());
    for _ in 0..3 {
        bench.client.send(connection, AgentCall::Pong);
    }
    bench.client.send(ConnectionId(99), AgentCall::Unregister);
    let mut stream = bench.streams.recv().await.unwrap();
    let mut heard = 0;
    while heard < 3 {
        for call in stream.calls.recv().await.unwrap() {
            assert_eq!(call, AgentCall::Pong);
            heard += 1;
        }
    }
    stream.say(AgentEvent::Ping).await;
    match bench.inputs.recv().await.unwrap() {
        Input::Master {
            connection: from,
            epoch,
            event,
        } => {
            assert_eq!(
                (from, epoch, event),
                (connection, Epoch::new(4), AgentEvent::Ping)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_stream_is_told_and_dialled_again_under_another_number() {
    let mut bench = Bench::new().await;
    let first = bench.connected().await;
    drop(bench.streams.recv().await.unwrap());
    let lost = bench.inputs.recv().await.unwrap();
    assert!(
        matches!(lost, Input::Disconnected { connection } if connection == first),
        "{lost:?}"
    );
    let second = bench.connected().await;
    assert!(second > first);

    let _stream = bench.streams.recv().await.unwrap();
    bench.client.disconnect(second);
    let lost = bench.inputs.recv().await.unwrap();
    assert!(
        matches!(lost, Input::Disconnected { connection } if connection == second),
        "{lost:?}"
    );
    assert!(bench.connected().await > second);
}

#[tokio::test]
async fn a_master_that_makes_no_sense_is_left() {
    let mut bench = Bench::new().await;
    let connection = bench.connected().await;
    let stream = bench.streams.recv().await.unwrap();
    let nonsense = v1::AgentEvents {
        epoch: 1,
        events: vec![v1::AgentEvent { event: None }],
    };
    stream.events.send(Ok(nonsense)).await.unwrap();
    let lost = bench.inputs.recv().await.unwrap();
    assert!(
        matches!(lost, Input::Disconnected { connection: of } if of == connection),
        "{lost:?}"
    );
}

#[tokio::test]
async fn the_last_words_are_sent_before_the_end() {
    let mut bench = Bench::new().await;
    let connection = bench.connected().await;
    let mut stream = bench.streams.recv().await.unwrap();
    bench.client.send(connection, AgentCall::Unregister);
    let closing = tokio::spawn(bench.client.close(Duration::from_secs(20)));
    assert_eq!(stream.calls.recv().await.unwrap(), [AgentCall::Unregister]);
    assert!(stream.calls.recv().await.is_none());
    drop(stream);
    closing.await.unwrap();
}
