//! The one port: accepting connections and serving HTTP/1 and HTTP/2 on them, gRPC among it.
//!
//! Owns the connections, their bound and their end. `axum::serve` would do but for the pings that
//! find peers which vanished without a word; those need hyper's own builder.

use std::{
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, http::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// An HTTP/2 peer is pinged this often.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// A ping that is not answered in this time ends the connection.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// An HTTP/1 client has this long for the head of a request, and every client for its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The requests that one HTTP/2 connection may have open.
const STREAMS_PER_CONNECTION: u32 = 250;
/// What may be on its way to us on one HTTP/2 stream, in bytes.
const STREAM_WINDOW: u32 = 128 << 10;
/// What may be on its way to us on one HTTP/2 connection: as much as on all of its streams, so that
/// a transfer whose reader does not read never stops the control stream beside it.
const CONNECTION_WINDOW: u32 = STREAMS_PER_CONNECTION * STREAM_WINDOW;
/// When no connection can be accepted, for want of descriptors mostly, the next try is this later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a request came from; every request that is served has it among its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteAddress(pub SocketAddr);

/// What the server keeps to.
#[derive(Clone, Debug)]
pub(crate) struct ServerLimits {
    /// The connections that are served at once.
    pub max_connections: usize,
    /// The time of connections to end by themselves after `shutdown`.
    pub grace: Duration,
}

/// Serves `app` on `listener` until `shutdown`, and then until its connections are over.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let connections = TaskTracker::new();
    // Ends the connections that outlast their grace.
    let cut = CancellationToken::new();
    while let Some((stream, remote, permit)) = accept(&listener, &permits, &shutdown).await {
        let connection = Connection {
            app: Addressed {
                app: app.clone(),
                remote,
            },
            shutdown: shutdown.clone(),
            cut: cut.clone(),
            _permit: permit,
        };
        connections.spawn(connection.serve(stream));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.grace, connections.wait())
        .await
        .is_err()
    {
        tracing::info!(
            connections = connections.len(),
            "connections are cut after their grace"
        );
        cut.cancel();
        connections.wait().await;
    }
}

/// The next connection; none after `shutdown`.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, RemoteAddress, OwnedSemaphorePermit)> {
    let work = async {
        // Never closed.
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => return Some((stream, RemoteAddress(remote), permit)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        accepted = work => accepted,
    }
}

/// The app, telling it where requests come from.
#[derive(Clone)]
struct Addressed {
    app: Router,
    remote: RemoteAddress,
}

impl<B> tower::Service<Request<B>> for Addressed
where
    Router: tower::Service<Request<B>>,
{
    type Response = <Router as tower::Service<Request<B>>>::Response;
    type Error = <Router as tower::Service<Request<B>>>::Error;
    type Future = <Router as tower::Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.app.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.remote);
        self.app.call(request)
    }
}

struct Connection {
    app: Addressed,
    shutdown: CancellationToken,
    cut: CancellationToken,
    /// Given back when the connection is over.
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Self {
            app,
            shutdown,
            cut,
            _permit,
        } = self;
        tokio::select! {
            biased;
            () = cut.cancelled() => {}
            () = serve_connection(stream, app, shutdown) => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, app: Addressed, shutdown: CancellationToken) {
    let begins = tokio::time::timeout(HEAD_TIMEOUT, stream.peek(&mut [0])).await;
    if !matches!(begins, Ok(Ok(1))) {
        return;
    }
    // Small batches are to leave at once. Where that cannot be set, they are late and not lost.
    let _is_set = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        // Mostly peers that left without a word.
        tracing::debug!(%error, "a connection ended with an error");
    }
}
