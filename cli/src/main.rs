//! `stoker`: one binary for everything. Operators and users meet the cluster here; the daemons,
//! the runner and the compiler are hosted by it.
//!
//! Owns the way in: arguments, logging, the exit code. Never decides anything about a cluster.

mod args;
mod client;
mod commands;
mod config;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match commands::dispatch(arguments) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            exit::FAILED
        }
    }
}
