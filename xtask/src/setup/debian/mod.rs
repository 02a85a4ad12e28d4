//! The Wasm target from Debian's packages, where rustup cannot fetch it: their compiler, their sources of
//! the standard library and their wasi-libc, put together in a folder of ours. Nothing is installed on the
//! machine, and a toolchain that works stays until the next one is whole.
//!
//! The recipe, in the order of its nine steps:
//!
//! 1. `apt`: which versions of which packages; none is pinned.
//! 2. `apt`: download them; `unpack`: only what is needed.
//! 3. `unpack`: the libc goes where the compiler looks for it.
//! 4. `unpack`: `bin/rustc`, which finds its own folder, so that the tree can be moved.
//! 5. `unpack`: the linker, which is the host toolchain's.
//! 6. `standard_library`: build it once, with bitcode, so that guests can use link-time optimisation.
//! 7. `libc`: the functions that it asks for and the libc lacks.
//! 8. `libc`: link all of it at once, to see that nothing else is missing.
//! 9. here and `stamp`: delete the sources, stamp the folder, swap it in.

mod apt;
mod libc;
mod stamp;
mod standard_library;
mod unpack;

use super::{GuestToolchain, host::HostRust};
use crate::cargo::Workspace;
use crate::failure::{Failure, Result, While};
use crate::steps::Steps;
use crate::{files, guests, processes};
use apt::Packages;
use stamp::Stamp;
use std::fs::File;
use std::path::{Path, PathBuf};

const AGAIN: &str = "STOKER_WASM_TARGET=debian cargo xtask setup";

/// The toolchain, if it is made and fits the host's Rust.
pub(crate) fn ready(workspace: &Workspace, host: &HostRust) -> Option<GuestToolchain> {
    let folder = folder(workspace);
    let fits = Stamp::read(&folder).is_some_and(|stamp| stamp.fits(&host.linker));
    let whole = folder.join("bin/rustc").is_file() && host.linker.is_file();
    (fits && whole).then_some(GuestToolchain::Debian(folder))
}

/// The toolchain; made now if need be.
pub(crate) fn ensure(workspace: &Workspace, host: &HostRust) -> Result<GuestToolchain> {
    if let Some(toolchain) = ready(workspace, host) {
        return Ok(toolchain);
    }
    if processes::find("apt-get").is_none() || processes::find("dpkg-deb").is_none() {
        return Err(Failure::new(
            "making the Wasm target from Debian's packages needs Debian",
        ));
    }
    // Two calls at once would work in the same folder.
    let lock = lock(workspace)?;
    if let Some(toolchain) = ready(workspace, host) {
        return Ok(toolchain);
    }
    let mut steps = Steps::begin("wasm target", 9);
    let fresh = workspace.target.join("wasi-toolchain.new");
    let outcome = make(&mut steps, workspace, host, &fresh);
    if outcome.is_err() {
        files::remove_folder(&fresh)?;
    }
    drop(lock);
    steps.finish(outcome)?;
    Ok(GuestToolchain::Debian(folder(workspace)))
}

fn make(steps: &mut Steps, workspace: &Workspace, host: &HostRust, fresh: &Path) -> Result<()> {
    files::remove_folder(fresh)?;
    files::make_folder(fresh)?;
    let packages = steps.required("find the packages' versions", AGAIN, || {
        apt::find_packages(fresh)
    })?;
    steps.required("download and unpack them (140 MB)", AGAIN, || {
        apt::download(&packages, fresh)?;
        unpack::packages(&packages, fresh)
    })?;
    steps.required("put the libc in its place", AGAIN, || {
        unpack::place_libc(fresh)
    })?;
    steps.required("make bin/rustc", AGAIN, || unpack::make_compiler(fresh))?;
    steps.required("borrow the host's linker", AGAIN, || {
        unpack::borrow_linker(fresh, host)
    })?;
    steps.required("build the standard library (about 30 s)", AGAIN, || {
        standard_library::build(fresh)
    })?;
    steps.required("add what the libc lacks", AGAIN, || libc::add_stubs(fresh))?;
    steps.required("link all of it at once", AGAIN, || libc::check_whole(fresh))?;
    steps.required("swap it in", AGAIN, || {
        swap_in(fresh, workspace, host, &packages)
    })
}

fn swap_in(
    fresh: &Path,
    workspace: &Workspace,
    host: &HostRust,
    packages: &Packages,
) -> Result<()> {
    unpack::delete_what_was_only_for_making(fresh)?;
    Stamp::new(&host.linker, &packages.versions()).write(fresh)?;
    let (current, old) = (
        folder(workspace),
        workspace.target.join("wasi-toolchain.old"),
    );
    files::remove_folder(&old)?;
    if current.exists() {
        files::rename(&current, &old)?;
    }
    files::rename(fresh, &current)?;
    files::remove_folder(&old)?;
    // Cargo would see the same version of the compiler and keep what fits the old standard library only.
    files::remove_folder(&guests::target_folder(workspace))
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("wasi-toolchain")
}

/// Waits until no other xtask makes the toolchain. The lock goes with the file, or with the process.
fn lock(workspace: &Workspace) -> Result<File> {
    let path = workspace.target.join("wasi-toolchain.lock");
    let doing = || format!("lock {}", path.display());
    let file = File::create(&path).while_doing(doing)?;
    file.lock().while_doing(doing)?;
    Ok(file)
}
