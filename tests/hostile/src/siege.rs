//! A neighbour beside an attack: what honest work of one tenant gets while another tenant's guests
//! do their worst, again and again.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use stoker_sdk_scheduler::{Reason, Task};

use crate::{Arena, Contender, spinner};

/// How long anything here may take to be launched or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// What honest spinners got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The fuel that they burnt: how much they did.
    pub fuel: u64,
    /// The CPU time that they had: their share. A machine may do less in it beside one neighbour than
    /// beside another.
    pub cpu_time: Duration,
}

/// What one honest spinner a core does within `window`, as tasks of `neighbour`, while as
/// many tasks of `besieger` run what `attack` describes: each is launched again when it has ended.
///
/// The same with an honest spinner as the attack is what to compare with: same weights, same number.
///
/// # Errors
/// If the cluster does not run the tasks.
pub fn work_beside(
    neighbour: &Arena,
    besieger: &Arena,
    attack: &Task,
    window: Duration,
) -> anyhow::Result<Work> {
    let cores = thread::available_parallelism()?.get();
    let is_over = AtomicBool::new(false);
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                if let Err(error) = besiege(besieger, attack, &is_over) {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
        }
        let work = work_of(neighbour, cores, window);
        is_over.store(true, Relaxed);
        work
    })
    .and_then(|work| {
        match failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(error) => Err(error),
            None => Ok(work),
        }
    })
}

/// Attacks until it is over.
fn besiege(besieger: &Arena, attack: &Task, is_over: &AtomicBool) -> anyhow::Result<()> {
    const LOOK: Duration = Duration::from_millis(20);
    while !is_over.load(Relaxed) {
        let mut guest = besieger.launch(attack.clone())?;
        while !is_over.load(Relaxed) && guest.wait(LOOK).is_err() {}
        end(&mut guest)?;
    }
    Ok(())
}

/// Ends a guest, unless it has ended already.
fn end(guest: &mut Contender) -> anyhow::Result<()> {
    if guest.has_ended() {
        return Ok(());
    }
    guest.wait_until_heard(PATIENCE)?;
    guest.kill()?;
    guest.wait(PATIENCE).map(drop)
}

/// What the honest spinners do.
fn work_of(neighbour: &Arena, spinners: usize, window: Duration) -> anyhow::Result<Work> {
    let task = neighbour.task("spinner", &spinner())?;
    let task = task.mem_mib(1).timeout(window);
    let launch = |_| neighbour.launch(task.clone());
    let running: Vec<Contender> = (0..spinners).map(launch).collect::<anyhow::Result<_>>()?;
    let mut work = Work::default();
    for mut spinner in running {
        let end = spinner.wait(PATIENCE).context("an honest spinner")?;
        if end.reason != Some(Reason::Deadline) {
            bail!("an honest spinner ended otherwise: {end:?}");
        }
        work.fuel += end.usage.fuel_used;
        work.cpu_time += end.usage.cpu_time;
    }
    Ok(work)
}
