//! A thread that polls fibers.

use std::{io, sync::Arc, thread};

use tokio::runtime::Handle;

use super::{Shared, cpu};

/// Starts a worker that takes its turns until there will be none.
pub(super) fn start(index: usize, shared: Arc<Shared>, control: Handle) -> io::Result<()> {
    thread::Builder::new()
        .name(format!("worker-{index}"))
        .spawn(move || {
            let _entered = control.enter();
            cpu::book_own_time();
            let mut done = None;
            while let Some((turn, now)) = shared.dispatch.turn(done.take()) {
                done = Some(turn.fiber.run(turn.fuel, now));
            }
        })?;
    Ok(())
}
