//! `cargo xtask demo`: a real cluster on this machine, a word count through it, and what its limits do. It
//! needs no terminal, no input and only free ports, and it leaves nothing running.

mod cluster;
mod guest_run;
mod limits;
mod process_tree;
mod word_count;

use crate::cargo::{self, Workspace};
use crate::failure::{Failure, Result, While};
use crate::steps::Steps;
use crate::{files, guests, processes, screen, setup};
use cluster::Cluster;
use std::env;
use std::path::{Path, PathBuf};

/// What is counted when nobody names a file.
const DEFAULT_TEXT: &str = "/usr/share/common-licenses/GPL-3";
/// What is counted where that is not installed, in the workspace.
const OWN_TEXT: &str = "README.md";
/// Tells tests which program to run, and the demo which to use instead of building one.
const PROGRAM_VARIABLE: &str = "STOKER_BIN";
const AGAIN: &str = "cargo xtask demo";

/// What has to be built before a cluster can run guests.
#[derive(Debug)]
pub(crate) struct Built {
    /// The program.
    pub(crate) stoker: PathBuf,
    /// The folder of the modules.
    pub(crate) guests: PathBuf,
}

impl Built {
    /// How tests find both.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [
            (PROGRAM_VARIABLE, &self.stoker),
            (guests::FOLDER_VARIABLE, &self.guests),
        ]
    }

    /// The path of a guest's module.
    fn module(&self, name: &str) -> PathBuf {
        self.guests.join(format!("{name}.wasm"))
    }
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, text: Option<PathBuf>) -> Result<()> {
    // Before anything is built: a wrong name should not cost minutes.
    let text = text_to_count(workspace, text)?;
    let mut steps = Steps::begin("demo", 9);
    let outcome = build(&mut steps, workspace)
        .and_then(|built| show(&mut steps, workspace, &built, &text).map(|()| built));
    let built = steps.finish(outcome)?;
    where_next(&built);
    Ok(())
}

/// The same with everything built already: the step of `cargo xtask test`.
pub(crate) fn run_with(workspace: &Workspace, built: &Built) -> Result<()> {
    let text = text_to_count(workspace, None)?;
    let mut steps = Steps::begin("demo", 6);
    let outcome = show(&mut steps, workspace, built, &text);
    steps.finish(outcome)
}

fn build(steps: &mut Steps, workspace: &Workspace) -> Result<Built> {
    let toolchain = steps.required("setup", "cargo xtask setup", || setup::ensure(workspace))?;
    let again = format!("cargo build {}", cargo::PROGRAMS_ONLY.join(" "));
    let stoker = steps.required(
        "build stoker (some minutes the first time: the Wasm engine is large)",
        &again,
        || program(workspace),
    )?;
    let guests = steps.required("compile the guests", "cargo xtask guests", || {
        guests::build(workspace, &toolchain)
    })?;
    Ok(Built { stoker, guests })
}

/// The program that the caller names, or the one that cargo builds.
fn program(workspace: &Workspace) -> Result<PathBuf> {
    let Some(path) = env::var_os(PROGRAM_VARIABLE).map(PathBuf::from) else {
        return workspace.build(cargo::PROGRAMS_ONLY);
    };
    screen::line(&format!("  {} (from {PROGRAM_VARIABLE})", path.display()));
    path.canonicalize()
        .while_doing(|| format!("find {}", path.display()))
}

/// The cluster's whole life. However it goes, the cluster is stopped.
fn show(steps: &mut Steps, workspace: &Workspace, built: &Built, text: &Path) -> Result<()> {
    let folder = workspace.target.join("demo");
    let log = folder.join("dev.log");
    let cluster = steps.required("start a cluster", AGAIN, || {
        files::make_folder(&folder)?;
        Cluster::start(&built.stoker, &log)
    })?;
    let shown = show_on(steps, &cluster, built, text);
    let stopped = steps.required("stop the cluster", AGAIN, || cluster.stop());
    if shown.is_err() || stopped.is_err() {
        screen::complaint(&format!("what the cluster said is in {}", log.display()));
    }
    shown.and(stopped)
}

fn show_on(steps: &mut Steps, cluster: &Cluster, built: &Built, text: &Path) -> Result<()> {
    let count = "count the words of a text, in Wasm, on a cluster";
    steps.required(count, AGAIN, || word_count::show(cluster, built, text))?;
    for greedy in &limits::GREEDY {
        steps.required(greedy.what, AGAIN, || limits::show(greedy, cluster, built))?;
    }
    Ok(())
}

/// The text as an absolute path, because the commands that are shown work in any folder then.
fn text_to_count(workspace: &Workspace, named: Option<PathBuf>) -> Result<PathBuf> {
    let default = PathBuf::from(DEFAULT_TEXT);
    let path = match named {
        Some(path) => path,
        None if default.is_file() => default,
        None => workspace.root.join(OWN_TEXT),
    };
    if path.is_dir() {
        return Err(Failure::new(format!(
            "{} is a folder; name a file",
            path.display()
        )));
    }
    path.canonicalize()
        .while_doing(|| format!("read {}", path.display()))
}

fn where_next(built: &Built) {
    let stoker = processes::quoted(&built.stoker.to_string_lossy());
    let module = processes::quoted(&built.module("hello").to_string_lossy());
    screen::title("Where to look next");
    screen::line("README.md              what this is");
    screen::line("docs/ARCHITECTURE.md   where everything is, and one task's way through it");
    screen::line("\nA cluster of your own, in one terminal:");
    screen::line(&format!("  {stoker} dev"));
    screen::line("and in another:");
    screen::line(&format!("  {stoker} run {module} -- a b c"));
    screen::line(&format!("  {stoker} task list"));
    screen::line(&format!("  {stoker} --help"));
}
