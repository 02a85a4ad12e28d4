//! `stoker-bench`: what Stoker costs, measured end to end on this machine, beside yardsticks that are
//! measured in the same run.
//!
//! Owns the command line. `cargo xtask bench` builds what this needs and calls it; the figures mean
//! something only in a release build.

mod cluster;
mod cpu;
mod figures;
mod launch;
mod machine;
mod on_thread;
mod sandbox;
mod yardstick;

use std::{
    io::{self, Write as _},
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;

/// Measures Stoker on this machine. Close everything else first.
#[derive(Debug, Parser)]
enum Arguments {
    /// What a task costs: throughput, CPU time, latency
    Launch {
        /// The tasks of a round
        #[arg(long, default_value = "10000")]
        tasks: NonZeroUsize,
        /// How often
        #[arg(long, default_value = "5")]
        rounds: NonZeroUsize,
        /// Fixes when tasks arrive
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Write all figures there too
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// What isolation costs, and how exact shares and ceilings are
    Sandbox {
        /// Measure this part alone
        #[arg(long, value_parser = part)]
        part: Option<String>,
        /// How many minutes accounts are kept of a mixed load
        #[arg(long, value_name = "MINUTES", default_value = "1")]
        accounting: NonZeroU64,
        /// Write all figures there too
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

fn part(name: &str) -> Result<String, String> {
    if sandbox::is_part(name) {
        Ok(name.to_owned())
    } else {
        Err(format!("there is {}", sandbox::parts()))
    }
}

fn main() -> ExitCode {
    let measured = match Arguments::parse() {
        Arguments::Launch {
            tasks,
            rounds,
            seed,
            json,
        } => launch::run(&launch::Plan {
            tasks: tasks.get(),
            rounds: rounds.get(),
            seed,
            json,
        }),
        Arguments::Sandbox {
            part,
            accounting,
            json,
        } => sandbox::run(&sandbox::Plan {
            part,
            accounting: Duration::from_secs(accounting.get().saturating_mul(60)),
            json,
        }),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line about the progress, or an error. A reader that has gone is no reason to stop.
fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Lines of the result.
fn tell(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}").context("cannot write the result")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        let words = std::iter::once("stoker-bench").chain(line.split_whitespace());
        Arguments::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let Ok(Arguments::Launch { tasks, rounds, .. }) = parsed("launch --tasks 500") else {
            panic!("another verb");
        };
        assert_eq!((tasks.get(), rounds.get()), (500, 5));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, what) in [
            ("dance", "unrecognized subcommand"),
            ("launch --tasks", "a value is required"),
            ("launch --tasks 0", "invalid value '0'"),
            ("launch --fast yes", "unexpected argument '--fast'"),
            ("sandbox --part sand", "there is no-op, kernels"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(what), "{line}: {error}");
        }
    }
}
