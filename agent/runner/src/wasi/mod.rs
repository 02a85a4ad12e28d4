//! WASI preview 1 for guests: what wasmtime-wasi provides, with our streams, our bounds, a
//! quota on the disk and no network.
//!
//! A guest gets its arguments and environment, clocks, randomness, its stdin, stdout and stderr,
//! and those folders that its launch names. It never sees the host's environment or a host path.

mod context;
mod linker;
mod poll;
mod quota;
mod stdin;
mod transfer;

pub(crate) use context::{Folder, Surroundings};
pub(crate) use linker::{Provided, linker};
pub(crate) use quota::{Disk, Limits, Quota};
pub(crate) use stdin::FileStdin;
