//! A scheduler that runs on a thread of its own, as the measurement sees it.

use std::{
    sync::mpsc::{Receiver, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use stoker_sdk_scheduler::{Driver, Handle, Task};

use super::scheduler::{Launcher, Order, Run, Said};

/// How long a framework may wait for its master, and for everything else that is to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A registered framework, or one about to be.
#[derive(Debug)]
pub(crate) struct Framework {
    handle: Handle<Order>,
    said: Receiver<Said>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Framework {
    /// Starts a framework that launches copies of `task`.
    pub(crate) fn start(master: &str, task: Task) -> anyhow::Result<Self> {
        let (sender, said) = channel();
        let driver = Driver::builder(Launcher::new(task, sender))
            .master(master)
            .name("bench")
            .ephemeral()
            .wait(PATIENCE)
            .build()?;
        let handle = driver.handle();
        let thread = thread::Builder::new()
            .name("scheduler".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(driver.run())?;
                Ok(())
            })
            .context("cannot start a thread")?;
        Ok(Self {
            handle,
            said,
            thread,
        })
    }

    /// Runs so many tasks as fast as they go through.
    pub(crate) fn burst(&self, tasks: usize) -> anyhow::Result<Run> {
        self.handle.blocking_send(Order::Burst(tasks))?;
        self.wait()
    }

    /// Runs a task at each of these times from now, whatever became of those before.
    pub(super) fn open_loop(&self, arrivals: &[Duration]) -> anyhow::Result<Run> {
        let start = Instant::now();
        for arrival in arrivals {
            let due = start + *arrival;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.handle.blocking_send(Order::Arrival(due))?;
        }
        self.handle.blocking_send(Order::Last)?;
        self.wait()
    }

    /// Leaves the master in order.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(self.handle.stop())?;
        self.thread
            .join()
            .map_err(|_| anyhow!("the scheduler panicked"))?
    }

    fn wait(&self) -> anyhow::Result<Run> {
        match self.said.recv_timeout(PATIENCE) {
            Ok(Said::Done(run)) => Ok(run),
            Ok(Said::Failed(message)) => bail!("the scheduler: {message}"),
            Err(_) => bail!("the scheduler was not done within {PATIENCE:?}"),
        }
    }
}
