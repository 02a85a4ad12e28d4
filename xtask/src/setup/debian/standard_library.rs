//! Rust's standard library for the Wasm target, built from Debian's sources. Theirs comes without, and
//! building it with every guest would need an unstable cargo flag each time.

use super::unpack;
use crate::failure::{Failure, Result, While};
use crate::setup::WASM_TARGET;
use crate::{cargo, files, processes, screen};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of the empty crate that the library is built for.
const CARRIER: &str = "carrier";

/// Builds it and puts it where the compiler looks.
pub(crate) fn build(toolchain: &Path) -> Result<()> {
    let carrier = make_carrier(toolchain)?;
    processes::show(&mut command(toolchain, &carrier))?;
    let built = carrier
        .join("target")
        .join(WASM_TARGET)
        .join("release/deps");
    let libraries = unpack::libraries(toolchain);
    let mut count = 0;
    for path in files::list_with_extension(&built, "rlib")? {
        let name = files::name(&path);
        if !name.starts_with(&format!("lib{CARRIER}-")) {
            fs::copy(&path, libraries.join(&name)).while_doing(|| format!("copy {name}"))?;
            count += 1;
        }
    }
    if count == 0 {
        return Err(Failure::new(format!(
            "cargo left no library in {}",
            built.display()
        )));
    }
    screen::line(&format!("  {count} libraries"));
    Ok(())
}

/// An empty library in a workspace of its own.
fn make_carrier(toolchain: &Path) -> Result<PathBuf> {
    let folder = toolchain.join("making").join(CARRIER);
    files::make_folder(&folder.join("src"))?;
    let manifest = format!("[package]\nname = \"{CARRIER}\"\nedition = \"2021\"\n\n[workspace]\n");
    files::write(&folder.join("Cargo.toml"), &manifest)?;
    files::write(&folder.join("src/lib.rs"), "")?;
    Ok(folder)
}

fn command(toolchain: &Path, carrier: &Path) -> Command {
    let mut command = cargo::cargo(carrier);
    command.args(["build", "--release", "--target", WASM_TARGET]);
    // `test`, so that guests can have tests.
    command.arg("-Zbuild-std=std,panic_abort,test");
    // Whatever the caller builds with is not for this.
    for variable in [
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
    ] {
        command.env_remove(variable);
    }
    command.env("RUSTC", unpack::compiler(toolchain));
    command.env("RUSTC_BOOTSTRAP", "1");
    // Cargo leaves bitcode out, and then no guest could use link-time optimisation.
    command.env("RUSTFLAGS", "-Cembed-bitcode=yes");
    command
}
