//! `stoker dev`: names and help.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// `stoker dev`
///
/// Starts a master and agents as child processes, restarts one that dies, and ends them all on
/// Ctrl-C, on SIGTERM and when its parent is gone.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// How many agents share this machine
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) agents: u16,
    /// Where the cluster's state is kept for the next start; a temporary folder unless given
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The master's address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5050")]
    pub(crate) listen: SocketAddr,
}
