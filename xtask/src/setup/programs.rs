//! The programs that builds and tests call, by the Debian package that brings each. Root on Debian gets
//! them installed; anyone else gets told what to install. It never removes or upgrades anything.

use crate::failure::{Failure, Result, While};
use crate::{processes, screen};
use std::fs;
use std::process::Command;

/// A program, what brings it, and who needs it.
#[derive(Debug)]
struct Program {
    name: &'static str,
    packages: &'static [&'static str],
    needed_for: &'static str,
}

const PROGRAMS: [Program; 3] = [
    Program {
        name: "cc",
        packages: &["gcc", "libc6-dev"],
        needed_for: "linking, and C code in dependencies",
    },
    Program {
        name: "ar",
        packages: &["binutils"],
        needed_for: "the Wasm target from Debian's packages",
    },
    Program {
        name: "git",
        packages: &["git"],
        needed_for: "tidy, which checks the files that git knows",
    },
];

/// Makes sure that every program is there.
pub(crate) fn ensure() -> Result<()> {
    let mut packages = Vec::new();
    for program in PROGRAMS
        .iter()
        .filter(|program| processes::find(program.name).is_none())
    {
        screen::line(&format!(
            "  missing: {} (for {})",
            program.name, program.needed_for
        ));
        packages.extend(program.packages.iter().map(|package| (*package).to_owned()));
    }
    install(&packages)
}

/// Installs Debian packages when we may; otherwise says how. Nothing to install is nothing to do.
pub(crate) fn install(packages: &[String]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if processes::find("apt-get").is_none() {
        return Err(Failure::new(format!("install what Debian calls: {list}")));
    }
    if !is_root()? {
        let command = format!("sudo apt-get update && sudo apt-get install {list}");
        return Err(Failure::new(format!(
            "packages are missing; install them with: {command}"
        )));
    }
    screen::line(&format!("  apt-get install {list}"));
    processes::text(Command::new("apt-get").arg("update"))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    processes::text(&mut install)?;
    Ok(())
}

fn is_root() -> Result<bool> {
    let path = "/proc/self/status";
    let status = fs::read_to_string(path).while_doing(|| format!("read {path}"))?;
    Ok(effective_user(&status) == Some(0))
}

/// The second number of the line `Uid:`.
fn effective_user(status: &str) -> Option<u32> {
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_decides() {
        assert_eq!(effective_user("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(0));
        assert_eq!(effective_user("Name:\tx\n"), None);
    }

    #[test]
    fn nothing_missing_is_nothing_to_do() {
        assert_eq!(install(&[]), Ok(()));
    }
}
