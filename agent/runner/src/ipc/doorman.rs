//! Lets daemons in: only the one that knows this runner's nonce.

use std::{io, time::Duration};

use bytes::BytesMut;
use stoker_proto::{
    convert::runner::{DaemonFrame, RunnerFrame},
    frame, v1,
};
use stoker_types::{
    RunnerId,
    runner::{Hello, PROTOCOL_VERSION, Welcome},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::mpsc::{Receiver, channel},
    task::JoinHandle,
    time::timeout,
};

use super::{Connection, invalid};

/// How long a connection may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// What a daemon must know of a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The runner's id.
    pub(crate) runner_id: RunnerId,
    /// What the daemon gave it at its start.
    pub(crate) nonce: u64,
}

/// A daemon that said the right hello and waits for its welcome.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// What it said.
    pub(crate) hello: Hello,
    /// Its orders.
    pub(crate) connection: Connection,
    /// Where it reads.
    pub(crate) socket: OwnedWriteHalf,
}

impl Visitor {
    /// Says welcome; orders and events may follow.
    ///
    /// # Errors
    /// If the daemon is gone.
    pub(crate) async fn welcome(&mut self, welcome: Welcome) -> io::Result<()> {
        say(&mut self.socket, RunnerFrame::Welcome(welcome)).await
    }
}

/// Listens for daemons until it is dropped.
#[derive(Debug)]
pub(crate) struct Doorman {
    visitors: Receiver<Visitor>,
    listening: JoinHandle<()>,
}

impl Doorman {
    /// Lets those in over `listener` who know `identity`.
    pub(crate) fn start(listener: UnixListener, identity: Identity) -> Self {
        let (sender, visitors) = channel(1);
        let listening = tokio::spawn(async move {
            loop {
                let visitor = match listener.accept().await {
                    Ok((stream, _)) => timeout(HELLO_TIMEOUT, greet(stream, identity)).await,
                    Err(error) => {
                        tracing::error!(%error, "cannot accept connections");
                        // Out of descriptors: some may come back.
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                };
                match visitor {
                    Ok(Ok(visitor)) => {
                        if sender.send(visitor).await.is_err() {
                            return;
                        }
                    }
                    Ok(Err(error)) => tracing::warn!(%error, "a connection was refused"),
                    Err(_elapsed) => tracing::warn!("a connection said no hello"),
                }
            }
        });
        Self {
            visitors,
            listening,
        }
    }

    /// The next daemon.
    pub(crate) async fn next(&mut self) -> Option<Visitor> {
        self.visitors.recv().await
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn greet(stream: UnixStream, identity: Identity) -> io::Result<Visitor> {
    let (reading, mut socket) = stream.into_split();
    let mut connection = Connection::new(reading);
    let DaemonFrame::Hello(hello) = connection.frame().await? else {
        return Err(invalid("orders before a hello"));
    };
    if let Err(message) = check(&hello, identity) {
        say(
            &mut socket,
            RunnerFrame::Refused {
                message: message.clone(),
            },
        )
        .await?;
        return Err(invalid(message));
    }
    Ok(Visitor {
        hello,
        connection,
        socket,
    })
}

fn check(hello: &Hello, identity: Identity) -> Result<(), String> {
    let Identity { runner_id, nonce } = identity;
    if hello.protocol_version != PROTOCOL_VERSION {
        let theirs = hello.protocol_version;
        return Err(format!(
            "protocol version {theirs} is not this runner's {PROTOCOL_VERSION}"
        ));
    }
    if hello.runner_id != runner_id || hello.nonce != nonce {
        return Err(format!(
            "this is {runner_id}, and not the runner that was asked for"
        ));
    }
    Ok(())
}

async fn say(socket: &mut OwnedWriteHalf, message: RunnerFrame) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    frame::write(&v1::RunnerFrame::from(message), &mut bytes).map_err(invalid)?;
    socket.write_all(&bytes).await
}
