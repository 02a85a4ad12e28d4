//! The agent's daemon: one per machine. It sells the machine's resources, and runs tasks in runner
//! processes.
//!
//! ```text
//!              master                         master_client/   the one stream, dialled by us
//!                ▲                            artifacts/       fetch, verify, compile, keep
//!  disk ◀─ checkpoint/ ◀─▶ driver/ ◀─▶ core   runners/         processes, sockets, frames
//!                ▼                            transfer         tasks' output to its readers
//!             runners                         http             health and metrics
//! ```
//!
//! Owns I/O, time and processes: [`stoker_agent_core`] decides, this carries out. Runs no guest
//! code, links no wasmtime, and never asks the core for anything but what to do.

mod artifacts;
mod calibrate;
mod checkpoint;
mod children;
mod clock;
mod config;
mod data_directory;
mod driver;
mod error;
mod governor;
mod hardening;
mod http;
mod inputs;
mod known_tasks;
pub mod machine;
mod master_client;
mod metrics;
mod outputs;
mod run;
mod runners;
mod sandboxes;
mod stop;
mod tar_stream;
mod transfer;

pub use calibrate::{Calibration, KernelRate, calibrate};
pub use config::{AgentConfig, ConfigError, MemoryProfileChoice};
pub use error::AgentError;
pub use run::{Ready, run};
pub use stop::{StopRequest, stop_signals};
