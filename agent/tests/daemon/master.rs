//! A master that the test plays: real streams, and whatever the test says on them.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _};
use stoker_proto::{
    convert::agent::{decode_calls, encode_events},
    v1::{
        self,
        agent_service_server::{AgentService, AgentServiceServer},
    },
};
use stoker_types::{
    Epoch, StatusUpdate,
    agent::{AgentCall, AgentEvent, AgentInfo, TaskSnapshot},
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// Nothing in these tests takes as long as this, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

type Events = Pin<Box<dyn Stream<Item = Result<v1::AgentEvents, Status>> + Send>>;

/// One stream of an agent, as its master sees it.
pub(crate) struct Session {
    pub(crate) calls: mpsc::Receiver<AgentCall>,
    pub(crate) events: mpsc::Sender<Result<v1::AgentEvents, Status>>,
}

struct FakeMaster(mpsc::Sender<Session>);

#[tonic::async_trait]
impl AgentService for FakeMaster {
    type ConnectStream = Events;

    async fn connect(
        &self,
        request: Request<Streaming<v1::AgentCalls>>,
    ) -> Result<Response<Events>, Status> {
        let mut incoming = request.into_inner();
        let (sender, calls) = mpsc::channel(100);
        let (events, outgoing) = mpsc::channel(100);
        tokio::spawn(async move {
            while let Ok(Some(batch)) = incoming.message().await {
                for call in decode_calls(batch).unwrap() {
                    if sender.send(call).await.is_err() {
                        return;
                    }
                }
            }
        });
        self.0.send(Session { calls, events }).await.unwrap();
        Ok(Response::new(ReceiverStream::new(outgoing).boxed()))
    }

    async fn transfer(
        &self,
        _: Request<Streaming<v1::TransferChunk>>,
    ) -> Result<Response<v1::TransferDone>, Status> {
        Err(Status::unimplemented("transfer"))
    }
}

impl Session {
    pub(crate) async fn say(&self, event: AgentEvent) {
        for batch in encode_events(Epoch::new(1), [event]) {
            self.events.send(Ok(batch)).await.unwrap();
        }
    }

    pub(crate) async fn hear(&mut self) -> AgentCall {
        timeout(PATIENCE, self.calls.recv()).await.unwrap().unwrap()
    }

    /// Lets the agent in; gives what it says of itself and of its tasks.
    pub(crate) async fn admit(&mut self) -> (AgentInfo, Vec<TaskSnapshot>) {
        let AgentCall::Register { agent, .. } = self.hear().await else {
            panic!("the first call is no registration")
        };
        let mut snapshots = Vec::new();
        loop {
            let AgentCall::Snapshot { tasks, last } = self.hear().await else {
                panic!("no snapshot follows")
            };
            snapshots.extend(tasks);
            if last {
                break;
            }
        }
        let epoch = Epoch::new(1);
        self.say(AgentEvent::Registered {
            agent_id: agent.id,
            epoch,
        })
        .await;
        (agent, snapshots)
    }

    /// The next update, whatever else is said before it.
    pub(crate) async fn update(&mut self) -> StatusUpdate {
        loop {
            if let AgentCall::Update(update) = self.hear().await {
                return update;
            }
        }
    }
}

/// A master's address and the sessions of agents with it.
pub(crate) struct Master {
    pub(crate) url: String,
    pub(crate) sessions: mpsc::Receiver<Session>,
}

impl Master {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, sessions) = mpsc::channel(10);
        tokio::spawn(
            Server::builder()
                .add_service(AgentServiceServer::new(FakeMaster(sender)))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Self { url, sessions }
    }

    pub(crate) async fn session(&mut self) -> Session {
        timeout(PATIENCE, self.sessions.recv())
            .await
            .unwrap()
            .unwrap()
    }
}
