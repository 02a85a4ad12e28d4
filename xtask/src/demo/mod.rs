//! `cargo xtask demo`: a real cluster on this machine, words counted through it by one task and by a
//! framework that loses a runner, and what the limits of guests do. It needs no terminal, no input and only
//! free ports, and it leaves nothing running.

mod cluster;
mod framework;
mod guest_run;
mod limits;
mod process_tree;
mod word_count;

use crate::cargo::{self, Programs, Workspace};
use crate::failure::{Result, While};
use crate::steps::Steps;
use crate::{files, guests, processes, screen, setup};
use cluster::Cluster;
use std::env;
use std::path::{Path, PathBuf};

/// What one task counts when nobody names a file.
const DEFAULT_TEXT: &str = "/usr/share/common-licenses/GPL-3";
/// What is counted where that is not installed, in the workspace.
const OWN_TEXT: &str = "README.md";
/// Tells tests which program to run, and the demo which to use instead of building one.
const PROGRAM_VARIABLE: &str = "STOKER_BIN";
const AGAIN: &str = "cargo xtask demo";

/// What has to be built before a cluster can run guests.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) programs: Programs,
    /// The folder of the modules.
    pub(crate) guests: PathBuf,
}

impl Built {
    /// How tests find both.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [
            (PROGRAM_VARIABLE, &self.programs.stoker),
            (guests::FOLDER_VARIABLE, &self.guests),
        ]
    }

    /// The path of a guest's module.
    fn module(&self, name: &str) -> PathBuf {
        self.guests.join(format!("{name}.wasm"))
    }
}

/// What the demo counts.
#[derive(Debug, PartialEq, Eq)]
struct Texts {
    /// For one task: a file.
    file: PathBuf,
    /// For the framework: a file or a folder, or what it counts when nobody names any.
    path: Option<PathBuf>,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, named: Option<PathBuf>) -> Result<()> {
    // Before anything is built: a wrong name should not cost minutes.
    let texts = Texts::find(workspace, named)?;
    let mut steps = Steps::begin("demo", 10);
    let outcome = build(&mut steps, workspace)
        .and_then(|built| show(&mut steps, workspace, &built, &texts).map(|()| built));
    let built = steps.finish(outcome)?;
    where_next(&built);
    Ok(())
}

/// The same with everything built already: the step of `cargo xtask test`.
pub(crate) fn run_with(workspace: &Workspace, built: &Built) -> Result<()> {
    let texts = Texts::find(workspace, None)?;
    let mut steps = Steps::begin("demo", 7);
    let outcome = show(&mut steps, workspace, built, &texts);
    steps.finish(outcome)
}

fn build(steps: &mut Steps, workspace: &Workspace) -> Result<Built> {
    let toolchain = steps.required("setup", "cargo xtask setup", || setup::ensure(workspace))?;
    let again = format!("cargo build {}", cargo::PROGRAMS_ONLY.join(" "));
    let programs = steps.required(
        "build stoker (some minutes the first time: the Wasm engine is large)",
        &again,
        || programs(workspace),
    )?;
    let guests = steps.required("compile the guests", "cargo xtask guests", || {
        guests::build(workspace, &toolchain)
    })?;
    Ok(Built { programs, guests })
}

/// The programs that cargo builds, or the one that the caller names and what lies beside it.
fn programs(workspace: &Workspace) -> Result<Programs> {
    let Some(path) = env::var_os(PROGRAM_VARIABLE).map(PathBuf::from) else {
        return workspace.build(cargo::PROGRAMS_ONLY);
    };
    screen::line(&format!("  {} (from {PROGRAM_VARIABLE})", path.display()));
    let stoker = path
        .canonicalize()
        .while_doing(|| format!("find {}", path.display()))?;
    let wordcount = stoker.with_file_name(cargo::WORDCOUNT);
    if wordcount.is_file() {
        return Ok(Programs { stoker, wordcount });
    }
    screen::line(&format!("  there is no {}: build it", wordcount.display()));
    let Programs { wordcount, .. } = workspace.build(cargo::PROGRAMS_ONLY)?;
    Ok(Programs { stoker, wordcount })
}

/// The cluster's whole life. However it goes, the cluster is stopped.
fn show(steps: &mut Steps, workspace: &Workspace, built: &Built, texts: &Texts) -> Result<()> {
    let folder = workspace.target.join("demo");
    let log = folder.join("dev.log");
    let cluster = steps.required("start a cluster", AGAIN, || {
        files::make_folder(&folder)?;
        Cluster::start(&built.programs.stoker, &log)
    })?;
    let shown = show_on(steps, &cluster, built, texts);
    let stopped = steps.required("stop the cluster", AGAIN, || cluster.stop());
    if shown.is_err() || stopped.is_err() {
        screen::complaint(&format!("what the cluster said is in {}", log.display()));
    }
    shown.and(stopped)
}

fn show_on(steps: &mut Steps, cluster: &Cluster, built: &Built, texts: &Texts) -> Result<()> {
    let one = "count the words of a text, in Wasm, on a cluster";
    steps.required(one, AGAIN, || word_count::show(cluster, built, &texts.file))?;
    let many = "count the words of many texts, and kill a runner in the middle";
    steps.required(many, AGAIN, || {
        framework::show(cluster, built, texts.path.as_deref())
    })?;
    for greedy in &limits::GREEDY {
        steps.required(greedy.what, AGAIN, || limits::show(greedy, cluster, built))?;
    }
    Ok(())
}

impl Texts {
    /// As absolute paths, because the commands that are shown work in any folder then.
    fn find(workspace: &Workspace, named: Option<PathBuf>) -> Result<Self> {
        let absolute = |path: PathBuf| {
            path.canonicalize()
                .while_doing(|| format!("read {}", path.display()))
        };
        let path = named.map(absolute).transpose()?;
        let default = PathBuf::from(DEFAULT_TEXT);
        let file = match &path {
            Some(path) if !path.is_dir() => path.clone(),
            _ if default.is_file() => default,
            _ => absolute(workspace.root.join(OWN_TEXT))?,
        };
        Ok(Self { file, path })
    }
}

fn where_next(built: &Built) {
    let stoker = processes::quoted(&built.programs.stoker.to_string_lossy());
    let module = processes::quoted(&built.module("hello").to_string_lossy());
    screen::title("Where to look next");
    screen::line("README.md              what this is");
    screen::line("docs/ARCHITECTURE.md   where everything is, and one task's way through it");
    screen::line("examples/wordcount     the framework of this demo, to be copied");
    screen::line("\nA cluster of your own, in one terminal:");
    screen::line(&format!("  {stoker} dev"));
    screen::line("and in another:");
    screen::line(&format!("  {stoker} run {module} -- a b c"));
    screen::line(&format!("  {stoker} task list"));
    screen::line(&format!("  {stoker} --help"));
}
