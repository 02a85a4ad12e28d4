//! The tree of the toolchain: what is unpacked, where it goes, and what is deleted at the end. It never
//! compiles anything.

use super::apt::{self, Package, Packages};
use crate::failure::{Failure, Result, While};
use crate::files;
use crate::processes;
use crate::setup::WASM_TARGET;
use crate::setup::host::HostRust;
use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the compiler looks for the target's standard library.
pub(crate) fn libraries(toolchain: &Path) -> PathBuf {
    toolchain
        .join("usr/lib/rustlib")
        .join(WASM_TARGET)
        .join("lib")
}

/// Where it looks for the libc.
pub(crate) fn self_contained(toolchain: &Path) -> PathBuf {
    libraries(toolchain).join("self-contained")
}

/// Unpacks what is needed: four packages whole, of two a part.
pub(crate) fn packages(packages: &Packages, toolchain: &Path) -> Result<()> {
    let Packages {
        compiler,
        compiler_library,
        host_library,
        llvm,
        sources,
        libc,
    } = packages;
    for package in [compiler, compiler_library, host_library, llvm] {
        let archive = archive(package, toolchain)?;
        processes::text(
            Command::new("dpkg-deb")
                .arg("-x")
                .arg(archive)
                .arg(toolchain),
        )?;
    }
    unpack_part(
        sources,
        toolchain,
        &["./usr/src/rustc-*/library", "./usr/lib/rustlib/src/*"],
    )?;
    unpack_part(libc, toolchain, &["./usr/lib/wasm32-wasi"])
}

/// `dpkg-deb --fsys-tarfile ARCHIVE | tar --extract PATTERN…`
fn unpack_part(package: &Package, toolchain: &Path, patterns: &[&str]) -> Result<()> {
    let mut source = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(archive(package, toolchain)?)
        .stdout(Stdio::piped())
        .spawn()
        .while_doing(|| "start dpkg-deb".to_owned())?;
    let tar = source
        .stdout
        .take()
        .ok_or_else(|| Failure::new("dpkg-deb has no output"))?;
    let unpacked = Command::new("tar")
        .args(["--extract", "--wildcards"])
        .args(patterns)
        .current_dir(toolchain)
        .stdin(tar)
        .status()
        .while_doing(|| "start tar".to_owned())?;
    let read = source
        .wait()
        .while_doing(|| "wait for dpkg-deb".to_owned())?;
    if unpacked.success() && read.success() {
        return Ok(());
    }
    Err(Failure::new(format!("unpacking {} failed", package.name)))
}

fn archive(package: &Package, toolchain: &Path) -> Result<PathBuf> {
    let prefix = format!("{}_", package.name);
    let archives = files::list(&apt::downloads(toolchain))?;
    let found = archives
        .into_iter()
        .find(|path| files::name(path).starts_with(&prefix));
    found.ok_or_else(|| Failure::new(format!("{} was not downloaded", package.name)))
}

/// The libc has another name for the target than the compiler.
pub(crate) fn place_libc(toolchain: &Path) -> Result<()> {
    let place = self_contained(toolchain);
    files::make_folder(&place)?;
    let unpacked = toolchain.join("usr/lib/wasm32-wasi");
    for path in files::list(&unpacked)? {
        files::rename(&path, &place.join(files::name(&path)))?;
    }
    files::remove_folder(&unpacked)
}

/// A wrapper that finds its own folder and, in it, the libraries of the compiler.
pub(crate) fn make_compiler(toolchain: &Path) -> Result<()> {
    let libraries = format!("$root/usr/lib/{ARCH}-linux-gnu");
    let script = format!(
        "#!/bin/sh\n\
         root=$(dirname \"$(dirname \"$(readlink -f \"$0\")\")\")\n\
         LD_LIBRARY_PATH=\"{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\" \
         exec \"$root/usr/bin/rustc\" \"$@\"\n"
    );
    files::make_folder(&toolchain.join("bin"))?;
    let path = compiler(toolchain);
    files::write(&path, &script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .while_doing(|| format!("make {} executable", path.display()))?;
    let version = processes::text(Command::new(&path).arg("--version"))?;
    crate::screen::line(&format!("  {}", version.trim()));
    Ok(())
}

pub(crate) fn compiler(toolchain: &Path) -> PathBuf {
    toolchain.join("bin/rustc")
}

/// Debian's compiler has no linker for Wasm beside it; the host toolchain's does.
pub(crate) fn borrow_linker(toolchain: &Path, host: &HostRust) -> Result<()> {
    if !host.linker.is_file() {
        let linker = host.linker.display();
        return Err(Failure::new(format!(
            "the host's Rust has no linker for Wasm at {linker}"
        )));
    }
    let folder = toolchain
        .join("usr/lib/rustlib")
        .join(&host.triple)
        .join("bin");
    files::make_folder(&folder)?;
    let link = folder.join("rust-lld");
    symlink(&host.linker, &link).while_doing(|| format!("link {}", link.display()))
}

/// Sources, archives, lists and documentation: half of the bytes.
pub(crate) fn delete_what_was_only_for_making(toolchain: &Path) -> Result<()> {
    for folder in [
        "apt",
        "debs",
        "making",
        "usr/libexec",
        "usr/lib/rustlib/src",
        "usr/share",
        "usr/src",
    ] {
        files::remove_folder(&toolchain.join(folder))?;
    }
    Ok(())
}
