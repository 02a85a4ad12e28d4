//! Debian's package lists and downloads. The lists are our own copy in the folder of the toolchain, so that
//! it works for anyone and the machine's own lists may be old or missing. It never installs a package,
//! except the libraries that their compiler cannot start without, when root asks.

use crate::failure::{Failure, Result};
use crate::setup::programs;
use crate::{files, processes, screen};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the toolchain is made of, each at the version that belongs together.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) compiler: Package,
    /// The host's standard library as a shared object, which the compiler is linked with.
    pub(crate) compiler_library: Package,
    /// The host's standard library for building, which build scripts and macros need.
    pub(crate) host_library: Package,
    pub(crate) llvm: Package,
    pub(crate) sources: Package,
    pub(crate) libc: Package,
}

/// A Debian package at one version.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    version: String,
}

impl Packages {
    fn all(&self) -> [&Package; 6] {
        [
            &self.compiler,
            &self.compiler_library,
            &self.host_library,
            &self.llvm,
            &self.sources,
            &self.libc,
        ]
    }

    /// `name=version` of each.
    pub(crate) fn versions(&self) -> Vec<String> {
        self.all()
            .iter()
            .map(|package| format!("{}={}", package.name, package.version))
            .collect()
    }
}

/// Where downloads go, in the folder of the toolchain being made.
pub(crate) fn downloads(toolchain: &Path) -> PathBuf {
    toolchain.join("debs")
}

/// Finds the packages; libraries that the compiler needs and the machine lacks are installed or named.
pub(crate) fn find_packages(toolchain: &Path) -> Result<Packages> {
    let lists = Lists::fetch(toolchain)?;
    let version = lists.candidate("rustc-web")?;
    let at_version = |name: &str| Package {
        name: name.to_owned(),
        version: version.clone(),
    };
    let host_library = at_version("libstd-rust-web-dev");
    let compiler_library = at_version(&lists.dependency(&host_library, "libstd-rust-web-")?);
    let llvm = lists.dependency(&compiler_library, "libllvm")?;
    let packages = Packages {
        compiler: at_version("rustc-web"),
        compiler_library,
        host_library,
        sources: at_version("rust-web-src"),
        llvm: Package {
            version: lists.candidate(&llvm)?,
            name: llvm,
        },
        libc: Package {
            version: lists.candidate("wasi-libc")?,
            name: "wasi-libc".to_owned(),
        },
    };
    for version in packages.versions() {
        screen::line(&format!("  {version}"));
    }
    programs::install(&not_installed(&lists.dependencies(&packages.llvm))?)?;
    Ok(packages)
}

/// Downloads all packages into the folder of [`downloads`].
pub(crate) fn download(packages: &Packages, toolchain: &Path) -> Result<()> {
    let folder = downloads(toolchain);
    files::make_folder(&folder)?;
    let mut command = Lists::of(toolchain).command("apt-get");
    command
        .current_dir(&folder)
        .args(["--quiet", "download"])
        .args(packages.versions());
    processes::show(&mut command)
}

/// Our own copy of apt's package lists.
#[derive(Debug)]
struct Lists {
    folder: PathBuf,
    /// What apt said when it could not fetch all of them. Someone else's broken source is no reason to stop.
    trouble: Option<String>,
}

impl Lists {
    fn of(toolchain: &Path) -> Self {
        Self {
            folder: toolchain.join("apt"),
            trouble: None,
        }
    }

    fn fetch(toolchain: &Path) -> Result<Self> {
        let mut lists = Self::of(toolchain);
        files::make_folder(&lists.folder.join("lists/partial"))?;
        files::make_folder(&lists.folder.join("cache/archives/partial"))?;
        let ended = processes::capture(lists.command("apt-get").arg("update"))?;
        lists.trouble = (!ended.status.success()).then(|| ended.last_words());
        Ok(lists)
    }

    /// `apt-get` or `apt-cache` on these lists.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.folder.display();
        for option in [
            format!("Dir::State::lists={folder}/lists"),
            format!("Dir::Cache={folder}/cache"),
            "Debug::NoLocking=1".to_owned(),
            // Root's apt would give the work to a user that may not write here.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// The version that apt would install.
    fn candidate(&self, package: &str) -> Result<String> {
        let answer = processes::text(self.command("apt-cache").args(["policy", package]))?;
        candidate(&answer).ok_or_else(|| self.lack(package))
    }

    fn dependencies(&self, package: &Package) -> Vec<String> {
        let at_version = format!("{}={}", package.name, package.version);
        let answer = processes::text(self.command("apt-cache").args(["show", &at_version]));
        answer
            .map(|answer| dependencies(&answer))
            .unwrap_or_default()
    }

    /// The dependency whose name begins so and ends in a version.
    fn dependency(&self, package: &Package, prefix: &str) -> Result<String> {
        let mut names = self.dependencies(package).into_iter();
        names
            .find(|name| name.starts_with(prefix))
            .ok_or_else(|| self.lack(prefix))
    }

    fn lack(&self, package: &str) -> Failure {
        let trouble = self
            .trouble
            .as_deref()
            .unwrap_or("see whether `apt-get update` works");
        Failure::new(format!(
            "Debian's package lists have no {package}: {trouble}"
        ))
    }
}

/// The value of `Candidate:` in what `apt-cache policy` prints.
fn candidate(policy: &str) -> Option<String> {
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// The names in `Depends:` in what `apt-cache show` prints; the first of alternatives.
fn dependencies(record: &str) -> Vec<String> {
    let list = record
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .unwrap_or_default();
    list.split(',')
        .filter_map(|entry| entry.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn not_installed(packages: &[String]) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for package in packages {
        let mut command = Command::new("dpkg-query");
        command.args(["--show", "--showformat=${db:Status-Status}", package]);
        let ended = processes::capture(&mut command)?;
        if !ended.status.success() || ended.stdout != b"installed" {
            missing.push(package.clone());
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidate_is_read_from_the_policy() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1\n";
        assert_eq!(candidate(policy), Some("1.96.0+dfsg1-1".to_owned()));
        assert_eq!(candidate("x:\n  Candidate: (none)\n"), None);
        assert_eq!(candidate(""), None);
    }

    #[test]
    fn dependencies_are_names_only() {
        let record = "Package: x\nDepends: libc6 (>= 2.34), libllvm22, a (= 1) | b\nSize: 1\n";
        assert_eq!(dependencies(record), ["libc6", "libllvm22", "a"]);
        assert!(dependencies("Package: x\n").is_empty());
    }
}
