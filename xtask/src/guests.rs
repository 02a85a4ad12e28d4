//! `cargo xtask guests`: builds the programs of `examples/guests` for Wasm. It never mixes with the
//! workspace: they have their own lock file, target folder and, perhaps, compiler.

use crate::cargo::{self, Workspace};
use crate::failure::Result;
use crate::setup::{self, GuestToolchain, WASM_TARGET};
use crate::steps::Steps;
use crate::{files, processes, screen};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells tests where the guests are.
pub(crate) const FOLDER_VARIABLE: &str = "STOKER_GUESTS_DIR";

const AGAIN: &str = "cargo xtask guests";

/// The verb.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::begin("guests", 2);
    let outcome = all(&mut steps, workspace);
    let folder = steps.finish(outcome)?;
    screen::line("");
    for path in files::list_with_extension(&folder, "wasm")? {
        screen::line(&path.display().to_string());
    }
    Ok(())
}

fn all(steps: &mut Steps, workspace: &Workspace) -> Result<PathBuf> {
    let toolchain = steps.required("setup", "cargo xtask setup", || setup::ensure(workspace))?;
    steps.required("compile the guests", AGAIN, || build(workspace, &toolchain))
}

/// Compiles them all and returns the folder that holds `hello.wasm` and the others.
pub(crate) fn build(workspace: &Workspace, toolchain: &GuestToolchain) -> Result<PathBuf> {
    let mut command = cargo(workspace, "build");
    command.args(["--release", "--target", WASM_TARGET]);
    toolchain.apply(&mut command);
    processes::show(&mut command)?;
    Ok(target_folder(workspace).join(WASM_TARGET).join("release"))
}

/// Formatting, lints and unit tests. They run on the host, with the host's compiler: a guest that is only
/// the standard library compiles there as well, and Debian's compiler has no clippy.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut format = cargo(workspace, "fmt");
    format.args(["--all", "--check"]);
    processes::show(&mut format)?;
    let mut lint = cargo(workspace, "clippy");
    lint.args(["--all-targets", "--", "-D", "warnings"]);
    processes::show(&mut lint)?;
    processes::show(cargo(workspace, "test").arg("--quiet"))
}

/// Cargo's target folder for the guests.
pub(crate) fn target_folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("guests")
}

fn cargo(workspace: &Workspace, verb: &str) -> Command {
    let mut command = cargo::cargo(&source_folder(&workspace.root));
    command
        .arg(verb)
        .env("CARGO_TARGET_DIR", target_folder(workspace));
    command
}

fn source_folder(root: &Path) -> PathBuf {
    root.join("examples/guests")
}
