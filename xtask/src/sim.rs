//! `cargo xtask sim`: the simulator, `tests/sim`. What it takes is its own business: the arguments are
//! passed on.

use crate::cargo::{self, Workspace};
use crate::failure::Result;
use crate::processes;
use std::path::Path;
use std::process::Command;

/// The simulator's program.
const PROGRAM: &str = "stoker-sim";
const PACKAGE: &str = "stoker-tests-sim";
/// The seeds of `cargo xtask test`.
const SEEDS_OF_A_TEST: &str = "500";

/// The verb. It builds the simulator alone, which needs neither the engine nor the guests.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut command = cargo::cargo(&workspace.root);
    command.args(["run", "--quiet", "--package", PACKAGE, "--bin", PROGRAM]);
    processes::show(command.arg("--").args(arguments))
}

/// What shows the seeds of [`check`] again.
pub(crate) fn again() -> String {
    format!("cargo xtask sim --seeds {SEEDS_OF_A_TEST}")
}

/// The seeds of `cargo xtask test`, by the simulator that was built together with `stoker`.
pub(crate) fn check(stoker: &Path) -> Result<()> {
    let mut command = Command::new(stoker.with_file_name(PROGRAM));
    processes::show(command.args(["--seeds", SEEDS_OF_A_TEST]))
}
