//! A scheduler's driver on a thread of its own, with a runtime of its own.

use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use stoker_sdk_scheduler::{Driver, Handle, Scheduler};

/// A framework that runs until it is ended.
#[derive(Debug)]
pub(crate) struct OnThread<C> {
    handle: Handle<C>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl<C: Send + 'static> OnThread<C> {
    /// Starts a driver.
    pub(crate) fn start<S>(driver: Driver<S>) -> anyhow::Result<Self>
    where
        S: Scheduler<Command = C> + Send + 'static,
    {
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
        Ok(Self { handle, thread })
    }

    /// Gives the scheduler a command.
    pub(crate) fn send(&self, command: C) -> anyhow::Result<()> {
        Ok(self.handle.blocking_send(command)?)
    }

    /// Leaves the master in order.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(self.handle.stop())?;
        self.thread
            .join()
            .map_err(|_| anyhow!("the scheduler panicked"))?
    }
}
