//! The verbs that look at a cluster and steer it: task, agent, framework, offer, module.
//!
//! Owns names and help; never acts.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use stoker_types::SandboxPath;

use super::ClusterAddress;

/// `stoker task …`
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// List tasks, the newest first
    #[command(visible_alias = "ls")]
    List(TaskList),
    /// Show all of one task
    Show(Named),
    /// Print what a task wrote, live and after its end
    Logs(TaskLogs),
    /// List a task's files, live and after its end
    Files(TaskFiles),
    /// Copy a file or folder of a task, live and after its end
    Cp(TaskCp),
    /// End a task
    Kill(TaskKill),
}

const KILL: &str = "\
A task whose module exports stoker_stop is told by a call of that function and may end by itself;
when its grace is over it is ended. A task without one is ended at once. Killed again with a shorter
grace, the earlier end counts: --grace 0s ends it now.";

/// `stoker task kill`
#[derive(Debug, Args)]
#[command(after_help = KILL)]
pub(crate) struct TaskKill {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// The task: any unique prefix of its id
    #[arg(value_name = "TASK")]
    pub(crate) id: String,
    /// How long it may take to end by itself, at most 10 minutes [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = grace)]
    pub(crate) grace: Option<Duration>,
}

fn grace(text: &str) -> Result<Duration, String> {
    let grace = stoker_types::duration::parse(text)?;
    let most = Duration::from_secs(stoker_types::limit::KILL_GRACE_SECONDS);
    if grace > most {
        let most = stoker_types::duration::display(most);
        return Err(format!("a task may take at most {most} to end"));
    }
    Ok(grace)
}

/// `stoker task list`
#[derive(Debug, Args)]
pub(crate) struct TaskList {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// Only tasks of this framework (any unique prefix of its id)
    #[arg(long, value_name = "ID")]
    pub(crate) framework: Option<String>,
    /// Only tasks on this agent (any unique prefix of its id)
    #[arg(long, value_name = "ID")]
    pub(crate) agent: Option<String>,
    /// Only tasks in this state, as in TASK_RUNNING
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<stoker_types::TaskState>,
}

/// `stoker task logs`
#[derive(Debug, Args)]
pub(crate) struct TaskLogs {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// The task: any unique prefix of its id
    #[arg(value_name = "TASK")]
    pub(crate) id: String,
    /// Go on until the task has ended
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Standard error instead of standard output
    #[arg(long)]
    pub(crate) stderr: bool,
    /// Leave out this many bytes at the start, counted from the first that the task ever wrote
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub(crate) offset: u64,
}

const FILES: &str = "\
The names are the guest's own, from its working folder on; beside them, stdout and stderr are what
the task printed. A file that the guest itself calls so is ./stdout. A task without --disk has no
folder. Links are shown and never followed out of the task's sandbox.

Examples:
  stoker task files TASK              everything at the top
  stoker task files -r TASK results   all that is below results
  stoker task cp TASK:results .       the folder, as ./results
  stoker task cp TASK:stdout -        a file, to standard output (a folder: as a tar)";

/// `stoker task files`
#[derive(Debug, Args)]
#[command(after_help = FILES)]
pub(crate) struct TaskFiles {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// The task: any unique prefix of its id
    #[arg(value_name = "TASK")]
    pub(crate) id: String,
    /// The folder, or one file; everything if left out
    #[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
    pub(crate) path: SandboxPath,
    /// List the folders in it as well
    #[arg(long, short)]
    pub(crate) recursive: bool,
}

/// `stoker task cp`
#[derive(Debug, Args)]
#[command(after_help = FILES)]
pub(crate) struct TaskCp {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// What to copy: a task, by any unique prefix of its id, and a path as `task files` shows it;
    /// everything if the path is empty
    #[arg(value_name = "TASK:PATH", value_parser = task_and_path)]
    pub(crate) source: String,
    /// Where to: a file, a folder, or - for standard output
    #[arg(value_name = "DEST")]
    pub(crate) destination: PathBuf,
}

/// Checks a `TASK:PATH`. Where it is to be cut is known to whoever knows the tasks: both may hold
/// further colons.
fn task_and_path(text: &str) -> Result<String, String> {
    let (task, path) = text
        .split_once(':')
        .ok_or("write a task, a colon and a path")?;
    if task.is_empty() {
        return Err("write a task in front of the colon".to_owned());
    }
    match path.parse::<SandboxPath>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A command on one thing of the cluster.
#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// Its id, or any unique prefix of it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// A command on all things of a kind.
#[derive(Debug, Args)]
pub(crate) struct Listed {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
}

/// `stoker agent …`
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// List agents
    #[command(visible_alias = "ls")]
    List(Listed),
    /// Show all of one agent, its runner processes among it
    Show(Named),
    /// Measure how much fuel this machine's cores burn in a second
    ///
    /// Runs four kinds of work in a runner, on all cores at once, without a cluster, and prints how
    /// fast each burns fuel. An agent sells 5,000 Mfuel/s for each of its cpus unless it is told
    /// something else, so that equal machines stay equal. One that sells no more than its slowest
    /// kind of work can keep every fuel rate that it promises: what is printed at the end says so to
    /// `stoker start agent`. Run it while the machine has nothing else to do.
    Calibrate(Calibrate),
}

/// `stoker agent calibrate`
#[derive(Clone, Debug, Args)]
pub(crate) struct Calibrate {
    /// How long each kind of work is measured
    #[arg(long, default_value = "2s", value_name = "TIME", value_parser = stoker_types::duration::parse)]
    pub(crate) time: std::time::Duration,
}

/// `stoker framework …`
#[derive(Debug, Subcommand)]
pub(crate) enum Framework {
    /// List frameworks
    #[command(visible_alias = "ls")]
    List(Listed),
    /// Show all of one framework
    Show(Named),
    /// End a framework and all of its tasks; its id is never valid again
    Teardown(Named),
}

/// `stoker offer …`
#[derive(Debug, Subcommand)]
pub(crate) enum Offer {
    /// List outstanding offers
    #[command(visible_alias = "ls")]
    List(Listed),
    /// Show all of one offer
    Show(Named),
}

/// `stoker module …`
#[derive(Debug, Subcommand)]
pub(crate) enum Module {
    /// Upload a module and print its reference, blob:sha256:…
    Push(ModulePush),
    /// List stored modules
    #[command(visible_alias = "ls")]
    List(Listed),
    /// Remove a stored module
    Rm(Named),
}

/// `stoker module push`
#[derive(Debug, Args)]
pub(crate) struct ModulePush {
    #[command(flatten)]
    pub(crate) cluster: ClusterAddress,
    /// The Wasm file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
