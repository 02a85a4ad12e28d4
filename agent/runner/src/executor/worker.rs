//! A thread that polls fibers.

use std::{io, sync::Arc, thread};

use tokio::runtime::Handle;

use super::Shared;

/// Starts a worker that takes from the queue until it is closed.
pub(super) fn start(index: usize, shared: Arc<Shared>, control: Handle) -> io::Result<()> {
    thread::Builder::new()
        .name(format!("worker-{index}"))
        .spawn(move || {
            let _entered = control.enter();
            while let Some(fiber) = shared.queue.pop() {
                fiber.run();
            }
        })?;
    Ok(())
}
