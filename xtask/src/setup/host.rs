//! What the compiler of the host says about itself. It never changes it.

use super::WASM_TARGET;
use crate::cargo::Workspace;
use crate::failure::{Failure, Result};
use crate::{files, processes};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Rust that builds everything but, perhaps, the guests.
#[derive(Debug)]
pub(crate) struct HostRust {
    /// What it compiles for by itself, such as `x86_64-unknown-linux-gnu`.
    pub(crate) triple: String,
    /// The linker for Wasm that comes with it.
    pub(crate) linker: PathBuf,
    /// Where the standard library of the Wasm target is when it is there.
    wasm_libraries: PathBuf,
}

impl HostRust {
    pub(crate) fn ask(workspace: &Workspace) -> Result<Self> {
        let mut command = Command::new(compiler());
        command
            .current_dir(&workspace.root)
            .args(["--target", WASM_TARGET]);
        command.args([
            "--print",
            "sysroot",
            "--print",
            "host-tuple",
            "--print",
            "target-libdir",
        ]);
        let answers = processes::text(&mut command)?;
        Self::parse(&answers).ok_or_else(|| Failure::new("rustc does not say where it lives"))
    }

    fn parse(answers: &str) -> Option<Self> {
        let mut answers = answers.lines();
        let sysroot = PathBuf::from(answers.next()?);
        let triple = answers.next()?.to_owned();
        let wasm_libraries = PathBuf::from(answers.next()?);
        let linker = sysroot
            .join("lib/rustlib")
            .join(&triple)
            .join("bin/rust-lld");
        Some(Self {
            triple,
            linker,
            wasm_libraries,
        })
    }

    /// Whether it can compile guests as it is.
    pub(crate) fn has_wasm_target(&self) -> bool {
        let libraries = files::list_with_extension(&self.wasm_libraries, "rlib");
        libraries.is_ok_and(|paths| {
            paths
                .iter()
                .any(|path| files::name(path).starts_with("libstd-"))
        })
    }
}

/// The compiler that cargo calls: the one beside it, whatever the search path says.
fn compiler() -> OsString {
    let beside = env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
    let beside = beside
        .filter(|path| path.is_file())
        .map(PathBuf::into_os_string);
    env::var_os("RUSTC")
        .or(beside)
        .unwrap_or_else(|| OsString::from("rustc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_answers_make_a_host() {
        let host = HostRust::parse("/r\nx86_64-unknown-linux-gnu\n/r/wasm\n").expect("parses");
        assert_eq!(
            host.linker,
            PathBuf::from("/r/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld")
        );
        assert!(!host.has_wasm_target());
        assert!(HostRust::parse("/r\n").is_none());
    }
}
