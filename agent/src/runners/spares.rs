//! Runners without a tenant, kept ready: a tenant's first task waits for no process and no engine.
//!
//! One that is taken is replaced a little later, one at a time, so that a burst of new tenants does
//! not fight with the starts of their successors. Spares end with the daemon that started them.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use stoker_types::RunnerId;
use tokio::{
    io::AsyncWriteExt as _,
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    Context,
    process::{command, log_path},
};
use crate::children::Process;

/// From one being taken, or started, to the next being started.
const REFILL_AFTER: Duration = Duration::from_millis(250);
/// How long one may take to hear whom it is for: a local socket that it listens on.
const ASSIGN_WITHIN: Duration = Duration::from_secs(5);

/// Those that are ready.
#[derive(Debug, Default)]
pub(super) struct Spares {
    ready: Mutex<VecDeque<Spare>>,
    taken: Notify,
}

#[derive(Debug)]
struct Spare {
    process: Process,
    name: String,
}

impl Spares {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Spare>> {
        // Nothing that runs under the lock can leave it half changed.
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that still lives.
    fn take(&self, context: &Context) -> Option<Spare> {
        let mut ready = self.lock();
        let taken = loop {
            let Some(mut spare) = ready.pop_front() else {
                break None;
            };
            if spare.process.ended().now_or_never().is_none() {
                break Some(spare);
            }
            tracing::warn!(name = spare.name, "a spare runner has ended");
            discard(context, &spare.name);
        };
        drop(ready);
        self.taken.notify_one();
        taken
    }

    /// Ends all of them.
    pub(super) async fn kill_all(&self, context: &Context) {
        let spares = std::mem::take(&mut *self.lock());
        for mut spare in spares {
            spare.process.kill();
            spare.process.ended().await;
            discard(context, &spare.name);
        }
    }
}

/// Keeps as many ready as are wanted. Never ends.
pub(super) async fn keep_ready(context: Arc<Context>) {
    let wanted = usize::try_from(context.settings.spare_runners).unwrap_or(usize::MAX);
    for number in 0_u64.. {
        while context.spares.lock().len() >= wanted {
            context.spares.taken.notified().await;
        }
        sleep(REFILL_AFTER).await;
        match start(&context, format!("spare-{number}")).await {
            Ok(spare) => context.spares.lock().push_back(spare),
            Err(error) => {
                tracing::warn!(%error, "cannot start a spare runner");
                context.spares.taken.notified().await;
            }
        }
    }
}

async fn start(context: &Context, name: String) -> io::Result<Spare> {
    let listener = context.sockets.listen_as(&name)?;
    let stderr = if context.settings.inherit_stderr {
        Stdio::inherit()
    } else {
        Stdio::from(File::create(log_path(context, &name))?)
    };
    let mut command = command(context, &["--spare".to_owned()]);
    command
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stderr(stderr);
    let process = context.settings.spawner.spawn(command).await?;
    Ok(Spare { process, name })
}

/// Makes a spare runner, if there is one, that of a tenant: `flags` are those that it lacks.
pub(super) async fn assign(
    context: &Context,
    runner_id: RunnerId,
    flags: &[String],
) -> Option<Process> {
    let spare = context.spares.take(context)?;
    let told = timeout(ASSIGN_WITHIN, tell(context, &spare, runner_id, flags)).await;
    match told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(()) => Some(spare.process),
        Err(error) => {
            tracing::warn!(%runner_id, %error, "a spare runner is of no use");
            spare.process.kill();
            discard(context, &spare.name);
            context.sockets.remove(runner_id);
            None
        }
    }
}

async fn tell(
    context: &Context,
    spare: &Spare,
    runner_id: RunnerId,
    flags: &[String],
) -> io::Result<()> {
    let identity = spare
        .process
        .identity()
        .ok_or_else(|| io::Error::other("it ended"))?;
    // Before it is the tenant's: a later daemon finds it by these.
    context.sockets.rename(&spare.name, runner_id)?;
    context.sockets.note_process(runner_id, &identity)?;
    if !context.settings.inherit_stderr {
        let (old, new) = (spare.name.as_str(), runner_id.to_string());
        fs::rename(log_path(context, old), log_path(context, &new))?;
    }
    let mut stream = context.sockets.connect(runner_id).await?;
    let text: String = flags
        .iter()
        .flat_map(|flag| [flag.as_str(), "\0"])
        .collect();
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Removes what the spare runners of an earlier daemon left; they ended with it.
pub(super) fn clear(context: &Context) {
    for name in context.sockets.other_names() {
        discard(context, &name);
    }
}

/// Removes what a spare runner that is over, or taken, may have left.
fn discard(context: &Context, name: &str) {
    context.sockets.remove_named(name);
    // There need not be one.
    drop(fs::remove_file(log_path(context, name)));
}
