//! The framework that is measured with, as the measurement sees it: bursts and open loops.

use std::{
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use stoker_sdk_scheduler::{Driver, Task};

use super::scheduler::{Launcher, Order, Run, Said};
use crate::on_thread::OnThread;

/// How long a framework may wait for its master, and for everything else that is to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A registered framework, or one about to be.
#[derive(Debug)]
pub(crate) struct Framework {
    scheduler: OnThread<Order>,
    said: Receiver<Said>,
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
        let scheduler = OnThread::start(driver)?;
        Ok(Self { scheduler, said })
    }

    /// Runs so many tasks as fast as they go through.
    pub(crate) fn burst(&self, tasks: usize) -> anyhow::Result<Run> {
        self.scheduler.send(Order::Burst(tasks))?;
        self.wait()
    }

    /// Runs a task at each of these times from now, whatever became of those before.
    pub(crate) fn open_loop(&self, arrivals: &[Duration]) -> anyhow::Result<Run> {
        let start = Instant::now();
        for arrival in arrivals {
            let due = start + *arrival;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.scheduler.send(Order::Arrival(due))?;
        }
        self.scheduler.send(Order::Last)?;
        self.wait()
    }

    /// Leaves the master in order.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.scheduler.stop()
    }

    fn wait(&self) -> anyhow::Result<Run> {
        match self.said.recv_timeout(PATIENCE) {
            Ok(Said::Done(run)) => Ok(run),
            Ok(Said::Failed(message)) => bail!("the scheduler: {message}"),
            Err(_) => bail!("the scheduler was not done within {PATIENCE:?}"),
        }
    }
}
