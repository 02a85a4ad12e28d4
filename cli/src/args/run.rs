//! `stoker run`: names, defaults and help.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use stoker_types::{Milli, Role, UnknownImports};

use super::ClusterAddress;

const EXIT_CODES: &str = "\
Exit codes:
  0-125  the guest's own (-o json names the reason where 124 and 125 are ambiguous)
  124    over its time limit           125  over its fuel budget
  126    refused, or not started within --wait
  134    a trap, or a guest's code of 126 and above
  137    killed, over its memory or its output limit
  1      an agent or a runner was lost, or Stoker itself failed

The first Ctrl-C kills the task: one whose module exports stoker_stop is told by a call of that and
has 5 s to end by itself. The second one ends it at once, and leaves.";

/// `stoker run`
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// Guaranteed CPU time, in cores
    #[arg(long, default_value = "0.25", value_name = "CORES")]
    pub(crate) cpus: Milli,
    /// Hold it to its --cpus: lend it no idle capacity
    #[arg(long)]
    pub(crate) strict: bool,
    /// Memory: all that the guest may have at once
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = stoker_types::size::parse)]
    pub(crate) mem: u64,
    /// Disk for files in its sandbox, in blocks of 4KiB; past it the guest gets ENOSPC
    #[arg(long, default_value = "0", value_name = "SIZE", value_parser = stoker_types::size::parse)]
    pub(crate) disk: u64,
    /// Fuel rate: a ceiling in millions of units a second (no ceiling unless given)
    #[arg(long, value_name = "MFUEL/S")]
    pub(crate) fuel: Option<Milli>,
    /// Fuel in all, in units of about one Wasm instruction (no bound unless given)
    #[arg(long, value_name = "UNITS")]
    pub(crate) fuel_budget: Option<u64>,
    /// Time that it may run, as in 500ms or 2s (no bound unless given)
    #[arg(long, value_name = "TIME", value_parser = stoker_types::duration::parse)]
    pub(crate) timeout: Option<Duration>,
    /// A variable of its environment; may be repeated
    #[arg(long, value_name = "K=V", value_parser = environment_variable)]
    pub(crate) env: Vec<stoker_types::EnvironmentVariable>,
    /// A file to read as standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// A directory that the guest sees under a name of its own (with --local)
    #[arg(long, value_name = "SRC:GUEST[:ro]", value_parser = mount, requires = "local")]
    pub(crate) mount: Vec<Mount>,
    /// The role that it is charged to
    #[arg(long, default_value = "default")]
    pub(crate) role: Role,
    /// What to call the task; the module's file name unless given
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// How long to wait for a master and for the task to start
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = stoker_types::duration::parse)]
    pub(crate) wait: Duration,
    /// What becomes of imports that Stoker does not provide
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub(crate) unknown_imports: UnknownImportsArgument,
    /// Run on the spot: the same engine and limits, no cluster
    #[arg(long)]
    pub(crate) local: bool,
    /// The Wasm file
    #[arg(value_name = "MODULE")]
    pub(crate) module: PathBuf,
    /// Arguments for the guest
    #[arg(last = true, value_name = "ARG")]
    pub(crate) arguments: Vec<String>,
}

/// `refuse` or `trap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownImportsArgument {
    /// The module is refused
    #[default]
    Refuse,
    /// The guest traps when it calls one
    Trap,
}

impl From<UnknownImportsArgument> for UnknownImports {
    fn from(argument: UnknownImportsArgument) -> Self {
        match argument {
            UnknownImportsArgument::Refuse => Self::Refuse,
            UnknownImportsArgument::Trap => Self::Trap,
        }
    }
}

/// A directory of the host in a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// On the host.
    pub(crate) source: PathBuf,
    /// In the guest.
    pub(crate) guest: String,
    /// Whether the guest may only read.
    pub(crate) read_only: bool,
}

fn mount(text: &str) -> Result<Mount, String> {
    let (rest, read_only) = text
        .strip_suffix(":ro")
        .map_or((text, false), |rest| (rest, true));
    match rest.rsplit_once(':') {
        Some((source, guest)) if !source.is_empty() && !guest.is_empty() => Ok(Mount {
            source: source.into(),
            guest: guest.to_owned(),
            read_only,
        }),
        Some(_) | None => Err(format!(
            "{text:?} is no mount: write SRC:GUEST or SRC:GUEST:ro, as in ./data:/data:ro"
        )),
    }
}

fn environment_variable(text: &str) -> Result<stoker_types::EnvironmentVariable, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !name.starts_with("STOKER_") => {
            Ok(stoker_types::EnvironmentVariable {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        }
        Some(_) | None => Err(format!(
            "{text:?} is no variable: write NAME=VALUE (names that start with STOKER_ are Stoker's own)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_with_and_without_ro() {
        let plain = mount("./data:/data").unwrap();
        assert_eq!((plain.guest.as_str(), plain.read_only), ("/data", false));
        assert!(mount("./data:/data:ro").unwrap().read_only);
        assert!(mount("data").unwrap_err().contains("SRC:GUEST"));
    }

    #[test]
    fn a_variable_needs_a_name_of_its_own() {
        assert_eq!(environment_variable("A=b=c").unwrap().value, "b=c");
        for text in ["A", "=b", "STOKER_ROLE=x"] {
            assert!(
                environment_variable(text)
                    .unwrap_err()
                    .contains("NAME=VALUE"),
                "{text}"
            );
        }
    }
}
