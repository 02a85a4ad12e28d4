//! `cargo xtask setup`: makes a bare machine ready to build and test everything, and says what it does. It
//! decides which way the Wasm target comes; the ways themselves are in the files beside it. Done once, it
//! takes a fraction of a second.

mod debian;
mod host;
mod programs;
mod rustup;
mod toolchain;

pub(crate) use toolchain::GuestToolchain;

use crate::cargo::Workspace;
use crate::failure::{Failure, Result};
use crate::screen;
use crate::steps::Steps;
use host::HostRust;
use std::env;

/// The target of every guest.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip1";
/// Forces one way to the target: `rustup` or `debian`.
const WAY_VARIABLE: &str = "STOKER_WASM_TARGET";

/// Where the target may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Whatever works, the plain way first.
    Any,
    Rustup,
    Debian,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::begin("setup", 2);
    let outcome = all(&mut steps, workspace);
    steps.finish(outcome)
}

fn all(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let again = "cargo xtask setup";
    steps.required(
        "programs that builds and tests call",
        again,
        programs::ensure,
    )?;
    steps.required("the Wasm target", again, || wasm_target(workspace))?;
    Ok(())
}

/// The same without the table: what the other verbs do first. Returns how guests are compiled.
pub(crate) fn ensure(workspace: &Workspace) -> Result<GuestToolchain> {
    programs::ensure()?;
    wasm_target(workspace)
}

fn wasm_target(workspace: &Workspace) -> Result<GuestToolchain> {
    let way = parse_way(env::var(WAY_VARIABLE).ok().as_deref())?;
    let host = HostRust::ask(workspace)?;
    let toolchain = match way {
        Way::Any => by_any_way(workspace, &host),
        Way::Rustup if host.has_wasm_target() => Ok(GuestToolchain::Host),
        Way::Rustup => rustup::add_target(&workspace.root),
        Way::Debian => debian::ensure(workspace, &host),
    }?;
    screen::line(&format!("  {WASM_TARGET}: {toolchain}"));
    Ok(toolchain)
}

fn by_any_way(workspace: &Workspace, host: &HostRust) -> Result<GuestToolchain> {
    if host.has_wasm_target() {
        return Ok(GuestToolchain::Host);
    }
    if let Some(toolchain) = debian::ready(workspace, host) {
        return Ok(toolchain);
    }
    match rustup::add_target(&workspace.root) {
        Ok(toolchain) => Ok(toolchain),
        Err(why) => {
            screen::line(&format!("  {why}"));
            debian::ensure(workspace, host)
        }
    }
}

fn parse_way(variable: Option<&str>) -> Result<Way> {
    match variable {
        None | Some("") => Ok(Way::Any),
        Some("rustup") => Ok(Way::Rustup),
        Some("debian") => Ok(Way::Debian),
        Some(other) => Err(Failure::new(format!(
            "{WAY_VARIABLE} is `{other}`; it may be `rustup`, `debian`, or not set"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_ways_can_be_forced() {
        assert_eq!(parse_way(None), Ok(Way::Any));
        assert_eq!(parse_way(Some("rustup")), Ok(Way::Rustup));
        assert_eq!(parse_way(Some("debian")), Ok(Way::Debian));
        assert!(parse_way(Some("nix")).is_err());
    }
}
