//! Where what is tested lies: the `stoker` program, examples, guests.
//!
//! Owns the finding, from the environment or from where cargo put this test; builds nothing.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// Where cargo puts the guests that `cargo xtask guests` builds, in its target folder.
const BUILT_GUESTS: [&str; 3] = ["guests", "wasm32-wasip1", "release"];

/// The `stoker` program to test: `STOKER_BIN`, or the one that cargo put beside this test.
///
/// # Errors
/// If there is none: with the command that makes it.
pub fn stoker_binary() -> anyhow::Result<PathBuf> {
    match env::var_os("STOKER_BIN") {
        Some(path) => Ok(path.into()),
        None => beside("stoker").context("run `cargo build -p stoker-cli`, or set STOKER_BIN"),
    }
}

/// The program of the package `name`, such as `stoker-examples-hello`, that cargo put beside this
/// test.
///
/// # Errors
/// If there is none: with the command that makes it.
pub fn example_binary(name: &str) -> anyhow::Result<PathBuf> {
    beside(name).with_context(|| format!("run `cargo build -p {name}`"))
}

/// The folder with the guests: `STOKER_GUESTS_DIR`, or where `cargo xtask guests` puts them.
///
/// # Errors
/// If there is none: with the command that makes it.
pub fn guests_dir() -> anyhow::Result<PathBuf> {
    if let Some(folder) = env::var_os("STOKER_GUESTS_DIR") {
        return Ok(folder.into());
    }
    let mut folder = profile_folder()?;
    folder.pop();
    folder.extend(BUILT_GUESTS);
    if !folder.is_dir() {
        let folder = folder.display();
        bail!("there is no {folder}: run `cargo xtask guests`, or set STOKER_GUESTS_DIR");
    }
    Ok(folder)
}

/// The guest of this name.
///
/// # Errors
/// If there is none: with the command that makes it.
pub fn guest(name: &str) -> anyhow::Result<PathBuf> {
    let path = guests_dir()?.join(format!("{name}.wasm"));
    if !path.is_file() {
        bail!("there is no {}: run `cargo xtask guests`", path.display());
    }
    Ok(path)
}

fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let path = profile_folder()?.join(file);
    if !path.is_file() {
        bail!("there is no {}", path.display());
    }
    Ok(path)
}

/// The folder of programs of the build that this test belongs to, in cargo's target folder.
fn profile_folder() -> anyhow::Result<PathBuf> {
    let test = env::current_exe().context("cannot tell where this test is")?;
    Ok(folder_of_programs(&test))
}

/// A test lies in `deps` below the folder of programs, an example in `examples`, a program in it.
fn folder_of_programs(program: &Path) -> PathBuf {
    let folder = program.parent().unwrap_or(program);
    let is_below = ["deps", "examples"]
        .map(OsStr::new)
        .contains(&folder.file_name().unwrap_or_default());
    let folder = if is_below {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    folder.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_lie_above_tests_and_examples_and_beside_programs() {
        for program in [
            "/t/debug/deps/e2e-1a2b",
            "/t/debug/examples/hello",
            "/t/debug/stoker",
        ] {
            assert_eq!(
                folder_of_programs(Path::new(program)),
                Path::new("/t/debug")
            );
        }
    }

    #[test]
    fn what_is_missing_is_said_with_the_command_that_makes_it() {
        let error = example_binary("stoker-no-such").unwrap_err();
        assert_eq!(error.to_string(), "run `cargo build -p stoker-no-such`");
        assert!(format!("{error:#}").contains("there is no /"), "{error:#}");
    }
}
