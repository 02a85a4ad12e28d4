//! What the verbs do, a verb group a file.
//!
//! Owns the dispatch and the runtime that a command runs on; the work is the files'.

mod agent;
mod dev;
mod framework;
mod hidden;
mod logging;
mod module;
mod offer;
mod run;
mod start;
mod task;

use std::{future::Future, process::ExitCode};

use crate::{
    args::{Arguments, Command},
    exit,
};

/// Does what the arguments say.
pub(crate) fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let format = arguments.output;
    match arguments.command {
        // First: these must not have started a thread before they confine themselves.
        Command::Runner(passed) => Ok(hidden::runner(passed)),
        Command::Compile(passed) => Ok(hidden::compile(passed)),
        Command::Dev(dev) => dev::dev(&dev, format),
        Command::Start(start) => start::start(start, format),
        Command::Run(run) => run::run(&run, format),
        Command::Task(task) => client(task::task(task, format)),
        Command::Agent(agent) => client(agent::agent(agent, format)),
        Command::Framework(framework) => client(framework::framework(framework, format)),
        Command::Offer(offer) => client(offer::offer(offer, format)),
        Command::Module(module) => client(module::module(module, format)),
    }
}

/// Runs a command that talks to a master and is then done.
fn client(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    logging::for_people();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)?;
    Ok(exit::DONE)
}
