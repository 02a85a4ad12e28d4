//! Ctrl-C while a task runs: the first one kills the task, which has its grace; the second one ends
//! it at once and leaves.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Counts interrupts and terminations.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    count: u32,
}

impl Interrupts {
    /// From now on, neither ends the process by itself.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            count: 0,
        })
    }

    /// Waits for the next one, and says how many there were.
    pub(super) async fn next(&mut self) -> u32 {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        self.count += 1;
        self.count
    }
}
