//! The libc of the target: the functions that a newer standard library asks for, and the proof that after
//! them nothing is missing. It never touches Debian's own copy of the libc.

use super::unpack;
use crate::failure::{Failure, Result};
use crate::setup::WASM_TARGET;
use crate::{files, processes};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions, each of which refuses.
const STUBS: &str = include_str!("../../../wasi/stubs.rs");

/// Compiles the stubs and adds them to the libc, behind everything that it has itself.
pub(crate) fn add_stubs(toolchain: &Path) -> Result<()> {
    let folder = making(toolchain)?;
    files::write(&folder.join("stubs.rs"), STUBS)?;
    let mut compile = compiler(toolchain, &folder);
    // For the weak functions in it, which are an unstable feature.
    compile.env("RUSTC_BOOTSTRAP", "1");
    compile.args([
        "--crate-type",
        "lib",
        "--emit",
        "obj",
        "-O",
        "-C",
        "panic=abort",
    ]);
    compile.args(["-o", "stubs.o", "stubs.rs"]);
    processes::text(&mut compile)?;
    // It leaves the archive without an index, which the linker does not need.
    let libc = unpack::self_contained(toolchain).join("libc.a");
    let mut add = Command::new("ar");
    processes::text(add.current_dir(&folder).arg("q").arg(libc).arg("stubs.o"))?;
    Ok(())
}

/// Links a program with every function of every library in it, used or not. What a newer standard library
/// asks for and this libc lacks shows here, and not in the first guest that happens to call it.
pub(crate) fn check_whole(toolchain: &Path) -> Result<()> {
    let folder = making(toolchain)?;
    files::write(&folder.join("whole.rs"), "fn main() {}\n")?;
    let mut link = compiler(toolchain, &folder);
    link.args(["-C", "panic=abort", "-o", "whole.wasm", "whole.rs"]);
    for argument in [
        "--no-gc-sections",
        "--allow-multiple-definition",
        "--whole-archive",
    ] {
        link_argument(&mut link, argument);
    }
    for library in files::list_with_extension(&unpack::libraries(toolchain), "rlib")? {
        link_argument(&mut link, &library.display().to_string());
    }
    let ended = processes::capture(&mut link)?;
    if ended.status.success() {
        return Ok(());
    }
    let undefined = undefined_symbols(&String::from_utf8_lossy(&ended.stderr));
    if undefined.is_empty() {
        return Err(Failure::new(format!(
            "linking failed: {}",
            ended.last_words()
        )));
    }
    Err(Failure::new(format!(
        "this standard library asks for functions that the libc lacks: {}; \
         add them to xtask/wasi/stubs.rs",
        undefined.join(", ")
    )))
}

fn making(toolchain: &Path) -> Result<PathBuf> {
    let folder = toolchain.join("making");
    files::make_folder(&folder)?;
    Ok(folder)
}

fn compiler(toolchain: &Path, folder: &Path) -> Command {
    let mut command = Command::new(unpack::compiler(toolchain));
    command
        .current_dir(folder)
        .args(["--edition", "2024", "--target", WASM_TARGET]);
    command
}

fn link_argument(command: &mut Command, argument: &str) {
    command.arg("-C").arg(format!("link-arg={argument}"));
}

/// The names in the linker's lines `… undefined symbol: NAME`.
fn undefined_symbols(stderr: &str) -> Vec<String> {
    let mut names: Vec<String> = stderr
        .lines()
        .filter_map(|line| line.split_once("undefined symbol: "))
        .map(|(_, name)| name.trim().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_symbols_are_named_once() {
        let stderr = "rust-lld: error: a.o: undefined symbol: realpath\n\
            note: something\n\
            rust-lld: error: b.o: undefined symbol: realpath\n\
            rust-lld: error: c.o: undefined symbol: chmod\n";
        assert_eq!(undefined_symbols(stderr), ["chmod", "realpath"]);
    }
}
