//! Which compiler guests are compiled with. It never installs one.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

/// The compiler that has the Wasm target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GuestToolchain {
    /// The one that compiles everything else.
    Host,
    /// One of its own in this folder, made from Debian's packages.
    Debian(PathBuf),
}

impl GuestToolchain {
    /// Makes a cargo command compile with this compiler.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        if let Self::Debian(folder) = self {
            cargo.env("RUSTC", folder.join("bin/rustc"));
            // Set, it would turn on unstable features in the build scripts of dependencies.
            cargo.env_remove("RUSTC_BOOTSTRAP");
        }
    }
}

impl fmt::Display for GuestToolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => write!(formatter, "part of the Rust that builds everything else"),
            Self::Debian(folder) => {
                write!(
                    formatter,
                    "made from Debian's packages, in {}",
                    folder.display()
                )
            }
        }
    }
}
