//! `stoker dev`: a whole cluster on this machine, until told to stop or left alone.
//!
//! Owns the order of starts and ends and the restarts in between. Master and agents are the same
//! daemons that a real cluster runs, as child processes.

mod children;
mod cluster;
mod share;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    args::{OutputFormat, dev::Dev},
    exit, output,
};
use cluster::Cluster;

/// How often `dev` looks whether its parent is still there.
const PARENT_CHECK: Duration = Duration::from_millis(250);

/// Runs a cluster until a signal comes or the parent is gone.
pub(super) fn dev(arguments: &Dev, format: OutputFormat) -> anyhow::Result<ExitCode> {
    // Orphans of the agents are to be reaped here, so that nothing outlives this process.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .context("cannot become the subreaper of the cluster's processes")?;
    let temporary = match &arguments.data {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("cannot make a temporary folder")?),
    };
    let data: PathBuf = match (&arguments.data, &temporary) {
        (Some(data), _) => std::path::absolute(data)?,
        (None, Some(folder)) => folder.path().to_owned(),
        (None, None) => anyhow::bail!("no folder for the cluster's state"),
    };
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    // One thread, the main one: children are bound to the thread that starts them.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(arguments, data, format))
}

async fn run(arguments: &Dev, data: PathBuf, format: OutputFormat) -> anyhow::Result<ExitCode> {
    let mut events = Events::new()?;
    let mut cluster = Cluster::new(data);
    let outcome = tokio::select! {
        result = cluster.start(arguments) => result.map(|()| true),
        () = events.asked_to_stop() => Ok(false),
    };
    let result = match outcome {
        Ok(true) => {
            cluster.announce(format)?;
            supervise(&mut cluster, &mut events).await
        }
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    if format == OutputFormat::Table {
        output::note("stopping the cluster");
    }
    cluster.stop(&mut events.child).await;
    result.map(|()| exit::DONE)
}

/// Restarts what dies, until `dev` is asked to stop.
async fn supervise(cluster: &mut Cluster, events: &mut Events) -> anyhow::Result<()> {
    loop {
        let next_restart = cluster.next_restart();
        tokio::select! {
            () = events.stop.wait() => return Ok(()),
            _ = events.child.recv() => cluster.reap(),
            () = tokio::time::sleep_until(next_restart) => cluster.restart_due()?,
        }
    }
}

/// What `dev` waits for.
struct Events {
    stop: Stop,
    child: Signal,
}

/// All that means "stop".
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    parent: Option<rustix::process::Pid>,
    parent_check: tokio::time::Interval,
}

impl Events {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            stop: Stop {
                // Handlers count also where the signal was ignored at the start (`stoker dev &`).
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
                parent: rustix::process::getppid(),
                parent_check: tokio::time::interval(PARENT_CHECK),
            },
            child: signal(SignalKind::child())?,
        })
    }

    async fn asked_to_stop(&mut self) {
        self.stop.wait().await;
    }
}

impl Stop {
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => return,
                // PR_SET_PDEATHSIG would follow the parent's thread, not its process.
                _ = self.parent_check.tick() => {
                    if rustix::process::getppid() != self.parent {
                        return;
                    }
                }
            }
        }
    }
}
