//! `stoker start master` and `stoker start agent`: from the layers of configuration to a running
//! daemon, and its first line for programs that start it.
//!
//! Owns signals and the runtime; the daemons are the crates `stoker-master` and `stoker-agent`.

mod agent;
mod master;

use std::process::ExitCode;

use anyhow::Context as _;
use rustix::process::Resource;
use serde::Serialize;

use crate::{
    args::{
        OutputFormat,
        start::{Daemon, Start},
    },
    exit, output,
};

/// Runs the daemon that is asked for.
pub(super) fn start(start: Start, format: OutputFormat) -> anyhow::Result<ExitCode> {
    super::logging::for_daemons();
    raise_open_files()?;
    match start {
        Start::Master(arguments) => master::start(&arguments, format),
        Start::Agent(arguments) => agent::start(&arguments, format),
    }
}

/// Prints the configuration as it would be read again.
fn print_config(config: &impl Serialize) -> anyhow::Result<ExitCode> {
    output::data(&toml::to_string(config).context("the configuration is no TOML")?)?;
    Ok(exit::DONE)
}

/// Allows as many open files as the system lets this user have: a connection is one, and the
/// usual soft limit of 1,024 is there for programs that use `select`.
fn raise_open_files() -> anyhow::Result<()> {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(Resource::Nofile, limit)
        .context("cannot raise the limit of open files")
}

/// Has the kernel end this process when the one that started it is gone.
fn end_with_parent(daemon: &Daemon) -> anyhow::Result<()> {
    if daemon.under_dev {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
            .context("cannot ask for a signal at the parent's death")?;
    }
    Ok(())
}
