//! A whole master over real sockets on a free port: what its clients see.
//!
//! Owns the harness: a running master, gRPC clients for it, and waiting for conditions.

mod artifacts;
mod cluster;
mod files;
mod output;
mod services;
mod shutdown;
mod streams;

use std::{future::Future, net::SocketAddr, time::Duration};

use stoker_proto::{
    convert::{agent, scheduler},
    v1::{
        self, agent_service_client::AgentServiceClient,
        artifact_service_client::ArtifactServiceClient,
        operator_service_client::OperatorServiceClient,
        scheduler_service_client::SchedulerServiceClient,
    },
};
use stoker_types::{
    Epoch,
    agent::{AgentCall, AgentEvent},
    scheduler::{Call, Event, NumberedCall},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming, transport::Channel};

use crate::{MasterConfig, MasterError, bind, run};

/// Nothing in these tests takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A master that runs.
struct TestMaster {
    address: SocketAddr,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), MasterError>>,
    folder: tempfile::TempDir,
}

impl TestMaster {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), |_| {}).await
    }

    async fn start_in(folder: tempfile::TempDir, change: impl FnOnce(&mut MasterConfig)) -> Self {
        let mut config = MasterConfig {
            listen: "127.0.0.1:0".to_owned(),
            data: folder.path().join("master"),
            shutdown_grace: Duration::from_millis(200),
            ..MasterConfig::default()
        };
        change(&mut config);
        let settings = config.validate().unwrap();
        let listener = bind(settings.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(run(settings, listener, shutdown.clone(), |_| {}));
        Self {
            address,
            shutdown,
            running,
            folder,
        }
    }

    /// Ends the master; its folder is left.
    async fn stop(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        within("the master's end", self.running)
            .await
            .unwrap()
            .unwrap();
        self.folder
    }

    async fn channel(&self) -> Channel {
        let address = format!("http://{}", self.address);
        let endpoint = tonic::transport::Endpoint::from_shared(address).unwrap();
        within("a connection", endpoint.connect()).await.unwrap()
    }

    async fn operators(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel().await)
    }

    async fn artifacts(&self) -> ArtifactServiceClient<Channel> {
        ArtifactServiceClient::new(self.channel().await)
    }

    /// A page, by HTTP/1 on a connection of its own: its code and its body.
    async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("a page", stream.read_to_string(&mut answer))
            .await
            .unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, body.to_owned())
    }

    /// A list of the API.
    async fn list(&self, path: &str) -> Vec<serde_json::Value> {
        let (code, body) = self.get(path).await;
        assert_eq!(code, 200, "{path}: {body}");
        // A short page is one chunk: its size is the line in front of it.
        let json = body
            .find('[')
            .map_or("[]", |start| &body[start..=body.rfind(']').unwrap()]);
        serde_json::from_str(json).unwrap()
    }
}

/// A scheduler's stream.
struct TestScheduler {
    calls: mpsc::Sender<v1::SchedulerCalls>,
    events: Streaming<v1::SchedulerEvents>,
    next: std::collections::VecDeque<Event>,
    epoch: Option<Epoch>,
}

impl TestScheduler {
    async fn connect(master: &TestMaster) -> Self {
        let (calls, outgoing) = mpsc::channel(64);
        let mut client = SchedulerServiceClient::new(master.channel().await);
        let connecting = client.connect(ReceiverStream::new(outgoing));
        let events = within("a scheduler's stream", connecting)
            .await
            .unwrap()
            .into_inner();
        Self {
            calls,
            events,
            next: std::collections::VecDeque::new(),
            epoch: None,
        }
    }

    async fn call(&self, call_id: u64, call: Call) {
        let (batches, refused) = scheduler::encode_calls([NumberedCall { call_id, call }]);
        assert_eq!(refused, []);
        for batch in batches {
            self.calls.send(batch).await.unwrap();
        }
    }

    /// The next event that is no heartbeat, or how the stream ended.
    async fn event(&mut self) -> Result<Event, Status> {
        loop {
            match self.next.pop_front() {
                Some(Event::Heartbeat) => {}
                Some(event) => return Ok(event),
                None => {
                    let message = within("an event", self.events.message()).await?;
                    let Some(batch) = message else {
                        return Err(Status::ok("the end"));
                    };
                    let (epoch, events) = scheduler::decode_events(batch).unwrap();
                    self.epoch = Some(epoch);
                    self.next.extend(events);
                }
            }
        }
    }
}

/// An agent's stream.
struct TestAgent {
    channel: Channel,
    calls: mpsc::Sender<v1::AgentCalls>,
    events: Streaming<v1::AgentEvents>,
    next: std::collections::VecDeque<AgentEvent>,
}

impl TestAgent {
    async fn connect(master: &TestMaster) -> Self {
        let (calls, outgoing) = mpsc::channel(64);
        let channel = master.channel().await;
        let mut client = AgentServiceClient::new(channel.clone());
        let connecting = client.connect(ReceiverStream::new(outgoing));
        let events = within("an agent's stream", connecting)
            .await
            .unwrap()
            .into_inner();
        Self {
            channel,
            calls,
            events,
            next: std::collections::VecDeque::new(),
        }
    }

    async fn call(&self, call: AgentCall) {
        for batch in agent::encode_calls([call]) {
            self.calls.send(batch).await.unwrap();
        }
    }

    /// The next event that is no ping, or how the stream ended.
    async fn event(&mut self) -> Result<AgentEvent, Status> {
        loop {
            match self.next.pop_front() {
                Some(AgentEvent::Ping) => {}
                Some(event) => return Ok(event),
                None => {
                    let message = within("an event", self.events.message()).await?;
                    let Some(batch) = message else {
                        return Err(Status::ok("the end"));
                    };
                    self.next.extend(agent::decode_events(batch).unwrap().1);
                }
            }
        }
    }
}

/// What a future gives, in time.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let patience = tokio::time::timeout(PATIENCE, future).await;
    patience.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// What `look` sees once it sees something.
async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, looking).await
}
