//! What a guest writes to its stdout and stderr: at a bounded rate, up to a cap, and never from a
//! worker thread. What a sandbox keeps of it is bounded, too: by a cap that ends the task, or by
//! rotation.
//!
//! ```text
//! guest ─ fd_write ─▶ Writer ─▶ Output: rate, cap, 64 KiB of room ─▶ a blocking thread ─▶ Sink
//!            ▲                              │                                  files, or a pipe
//!            └── waits here, as a sleeping fiber, while there is no room ──┘
//! ```

mod bucket;
mod pipe;
mod rotation;
mod sink;
mod writer;

pub(crate) use pipe::Output;
pub(crate) use rotation::Rotation;
pub use sink::Captured;
pub(crate) use sink::{CaptureSink, FileSink, InheritSink, Sink};
pub(crate) use writer::Writer;

use stoker_types::{GuestLimits, TaskLimits};

/// How fast and how much a task may write, stdout and stderr together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Bytes a second.
    pub(crate) rate: u64,
    /// Bytes that may pass at once after a pause.
    pub(crate) burst: u64,
    /// Bytes in all; a write past them ends the task.
    pub(crate) cap: u64,
}

impl Policy {
    /// As the agent allows, up to what the task asks for in all; for ever if it does not ask.
    pub(crate) fn of(task: &TaskLimits, limits: &GuestLimits) -> Self {
        Self {
            rate: limits.output_rate_bytes,
            burst: limits.output_burst_bytes,
            cap: limits.output(task.output).unwrap_or(u64::MAX),
        }
    }

    /// As agents usually allow, up to `cap` bytes in all.
    pub(crate) fn with_cap(cap: u64) -> Self {
        let limits = GuestLimits::default();
        Self {
            rate: limits.output_rate_bytes,
            burst: limits.output_burst_bytes,
            cap,
        }
    }
}
