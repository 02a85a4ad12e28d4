//! The loop of the control thread: daemons come and go, orders are carried out.

use std::{future::pending, io, os::unix::net::UnixListener, sync::Arc, time::Duration};

use stoker_proto::convert::runner::DaemonFrame;
use stoker_types::{
    limit,
    runner::{Order, PROTOCOL_VERSION, USAGE_INTERVAL, Welcome},
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until, timeout},
};

use super::{Host, Settings, tasks::Tasks};
use crate::{
    executor::{self, LoadWatch},
    ipc::{Connection, Doorman, Identity, Outbox, Visitor, write_events},
};

/// How long the tasks may take to end when the runner does.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last events may take to leave.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// A daemon that leaves so many events unconfirmed is broken: it is cut off.
const MOST_UNCONFIRMED: usize = 50_000;

/// The daemon that is connected.
struct Daemon {
    connection: Connection,
    writer: JoinHandle<()>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// What the loop waits for.
enum Next {
    Visitor(Visitor),
    Frame(io::Result<DaemonFrame>),
    Orphaned,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Goes,
    Ends,
}

/// Serves daemons, one after the other, until one says that it is over or none has come for the
/// orphan timeout. Then all tasks are ended.
///
/// # Errors
/// If the listener cannot be used.
pub(super) async fn serve(
    listener: UnixListener,
    mut host: Host,
    settings: &Settings,
) -> io::Result<()> {
    let identity = Identity {
        runner_id: settings.runner_id,
        nonce: settings.nonce,
    };
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let mut doorman = Doorman::start(listener, identity);
    let mut background = JoinSet::new();
    background.spawn(report(host.watch_load(), Arc::clone(host.outbox())));
    background.spawn(tell_usage(
        Arc::clone(host.tasks()),
        Arc::clone(host.outbox()),
    ));
    let mut daemon: Option<Daemon> = None;
    let mut alone_since = Instant::now();
    loop {
        let orphaned_at = alone_since + settings.orphan_timeout;
        match next(&mut doorman, &mut daemon, orphaned_at).await {
            Next::Visitor(visitor) => {
                // The old connection's orders, as far as they were read, are carried out; no event
                // goes there any more.
                drop(daemon.take());
                host.left_alone();
                daemon = let_in(visitor, &host, settings).await;
                alone_since = Instant::now();
            }
            Next::Frame(Ok(frame)) => {
                let verdict = match &mut daemon {
                    Some(daemon) => obey(&mut host, &mut daemon.connection, frame),
                    None => Verdict::Goes,
                };
                if verdict == Verdict::Ends {
                    tracing::info!("the daemon ends this runner");
                    break;
                }
                if host.outbox().unconfirmed() > MOST_UNCONFIRMED {
                    tracing::error!("the daemon confirms no events: it is cut off");
                    daemon = None;
                    host.left_alone();
                    alone_since = Instant::now();
                }
            }
            Next::Frame(Err(error)) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    tracing::error!(%error, "the daemon sent nonsense: it is cut off");
                } else {
                    tracing::debug!(%error, "the daemon is gone");
                }
                daemon = None;
                host.left_alone();
                alone_since = Instant::now();
            }
            Next::Orphaned => {
                tracing::warn!("no daemon has come: this runner and its tasks end");
                break;
            }
        }
    }
    finish(&host, daemon.is_some()).await;
    Ok(())
}

async fn next(doorman: &mut Doorman, daemon: &mut Option<Daemon>, orphaned_at: Instant) -> Next {
    let is_alone = daemon.is_none();
    let frame = async {
        match daemon {
            Some(daemon) => daemon.connection.frame().await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        Some(visitor) = doorman.next() => Next::Visitor(visitor),
        frame = frame => Next::Frame(frame),
        () = sleep_until(orphaned_at), if is_alone => Next::Orphaned,
    }
}

/// Welcomes a daemon and starts to send it what it does not have.
async fn let_in(mut visitor: Visitor, host: &Host, settings: &Settings) -> Option<Daemon> {
    let outbox = host.outbox();
    host.tasks().forget_told();
    outbox.confirm(visitor.hello.confirmed_event);
    outbox.rewind();
    let welcome = Welcome {
        runner_id: settings.runner_id,
        pid: std::process::id(),
        protocol_version: PROTOCOL_VERSION,
        tasks: host.tasks().keys(),
        last_event: outbox.latest(),
        slots: settings.slots,
    };
    if let Err(error) = visitor.welcome(welcome).await {
        tracing::debug!(%error, "the daemon is gone before it was welcome");
        return None;
    }
    let Visitor {
        connection, socket, ..
    } = visitor;
    Some(Daemon {
        connection,
        writer: tokio::spawn(write_events(Arc::clone(outbox), socket)),
    })
}

/// Carries out the orders of one frame.
fn obey(host: &mut Host, connection: &mut Connection, frame: DaemonFrame) -> Verdict {
    let orders = match frame {
        DaemonFrame::Orders(orders) => orders,
        DaemonFrame::Hello(_) => {
            tracing::warn!("a second hello is ignored");
            return Verdict::Goes;
        }
    };
    for order in orders {
        match order {
            Order::Module { key } => match connection.take_descriptor() {
                Some(artifact) => host.map(key, artifact),
                None => tracing::error!(module = %key.wasm, "a module without its descriptor"),
            },
            Order::Launch(launch) => {
                let stdin = launch.has_stdin.then(|| connection.take_descriptor());
                host.launch(*launch, stdin.flatten());
            }
            Order::Kill { task, grace } => host.kill(&task, grace),
            Order::Confirm { event } => host.outbox().confirm(event),
            Order::Budget(budget) => host.set_budget(budget),
            Order::Shutdown => return Verdict::Ends,
        }
    }
    Verdict::Goes
}

/// Tells each change in how busy this process is to whichever daemon is there.
async fn report(mut watch: LoadWatch, outbox: Arc<Outbox>) {
    loop {
        let load = watch.changed().await;
        outbox.report(load);
    }
}

/// Tells what the tasks that run have used, while there are any.
async fn tell_usage(tasks: Arc<Tasks>, outbox: Arc<Outbox>) {
    loop {
        tasks.some().await;
        tokio::time::sleep(USAGE_INTERVAL).await;
        tasks.share_out(executor::claim());
        outbox.tell_usages(tasks.news(limit::BATCH_ITEMS));
    }
}

/// Ends all tasks, and lets the daemon hear of it if there is one.
async fn finish(host: &Host, has_daemon: bool) {
    if timeout(END_TIMEOUT, host.end_all()).await.is_err() {
        tracing::error!(
            tasks = host.tasks().keys().len(),
            "some tasks do not end: they go with the runner"
        );
    }
    let flushed = async {
        while has_daemon && !host.outbox().is_sent() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if timeout(FLUSH_TIMEOUT, flushed).await.is_err() {
        tracing::warn!("the last events did not leave");
    }
}
