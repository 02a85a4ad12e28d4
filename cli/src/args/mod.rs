//! What can be said on the command line: the tree of commands, a verb group a file.
//!
//! Owns names, defaults and help; never acts. Sizes and times are read here, so that a command
//! only ever sees valid ones.

pub(crate) mod cluster;
pub(crate) mod dev;
pub(crate) mod run;
pub(crate) mod start;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  stoker dev                                 a whole cluster on this machine
  stoker run hello.wasm -- a b c             one task through it, output on stdout
  stoker run --local --timeout 2s spin.wasm  the same limits without a cluster
  stoker task list                           what runs where
  stoker task logs -f TASK                   a task's output, live

Exit codes: 0 done, 1 failed, 2 usage; `stoker run --help` lists those of a task.
Data goes to stdout, everything else to stderr; `-o json` is for programs.";

/// Stoker runs WebAssembly on many machines for many frameworks.
#[derive(Debug, Parser)]
#[command(name = "stoker", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// How data is printed: for people, as one JSON document, or as one JSON document a line
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) output: OutputFormat,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// One document; lists are arrays.
    Json,
    /// One document a line.
    Jsonl,
}

/// All verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole cluster on this machine: a master and agents, until Ctrl-C
    Dev(dev::Dev),
    /// Run a daemon of a cluster
    #[command(subcommand)]
    Start(start::Start),
    /// Run one module to completion, as a task of the cluster or on the spot
    Run(Box<run::Run>),
    /// Tasks: what runs, what it printed, how to end it
    #[command(subcommand)]
    Task(cluster::Task),
    /// Agents: the machines that run tasks
    #[command(subcommand)]
    Agent(cluster::Agent),
    /// Frameworks: the schedulers that tasks belong to
    #[command(subcommand)]
    Framework(cluster::Framework),
    /// Offers: what is held for whom right now
    #[command(subcommand)]
    Offer(cluster::Offer),
    /// Modules: the Wasm that the master stores for agents
    #[command(subcommand)]
    Module(cluster::Module),
    /// Host the tasks of one tenant (started by the agent, not by people)
    #[command(hide = true, disable_help_flag = true)]
    Runner(Passed),
    /// Compile one module (started by the agent, not by people)
    #[command(hide = true, disable_help_flag = true)]
    Compile(Passed),
}

/// Arguments that are passed on as they are.
#[derive(Debug, Args)]
pub(crate) struct Passed {
    /// What to pass on.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<std::ffi::OsString>,
}

/// Where the cluster is.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterAddress {
    /// The master's address
    #[arg(
        long,
        env = "STOKER_MASTER",
        value_name = "URL",
        default_value = "http://127.0.0.1:5050"
    )]
    pub(crate) master: String,
}
