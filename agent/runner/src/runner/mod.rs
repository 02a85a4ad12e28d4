//! `stoker runner`, a hidden command: hosts the tasks of one tenant for an agent's daemon.
//!
//! Its fd 0 is a listening Unix socket that the daemon bound; everything else comes over that. It
//! confines itself to its tenant's files before it starts its threads, keeps its tasks while its daemon is away, and ends them and itself when none has come back for
//! the orphan timeout.
//!
//! Exit codes: 0 told to end, or orphaned; 1 could not start; 2 wrong flags.

mod folders;
mod host;
mod process;
mod serve;
mod settings;
mod tasks;

pub use settings::Settings;

use std::{
    io::{self, Write as _},
    os::unix::net::UnixListener,
    process::ExitCode,
};

use tokio::runtime::Runtime;

use self::host::Host;
use crate::{
    engine::{self, Purpose},
    executor::Executor,
    hardening,
    task::Modules,
};

/// What a runner logs unless told: wasmtime-wasi would write a line for what guests do, and make a
/// span of each of their calls.
pub const DEFAULT_LOG_FILTER: &str = "info,wasmtime_wasi=error,wiggle=error,wasmtime=error";

/// The threads that may block at once: reads of stdin, writes of output, file system calls.
pub(crate) const BLOCKING_THREADS: usize = 8;

/// Runs the command with the arguments that follow its name.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let settings = match Settings::parse(arguments.into_iter()) {
        Ok(settings) => settings,
        Err(message) => {
            // There is nobody to tell that it cannot be written.
            drop(writeln!(io::stderr(), "stoker runner: {message}"));
            return ExitCode::from(2);
        }
    };
    match start(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(runner_id = %settings.runner_id, "the runner failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a confined runner of this process, and runs it.
fn start(settings: &Settings) -> wasmtime::Result<()> {
    let listener = process::prepare(settings)?;
    let stage = Stage::set(settings)?;
    let purpose = hardening::Purpose::Run {
        class: settings.class,
        folder: settings.folder.clone(),
    };
    // What the kernel cannot do, the daemon has said at its start.
    hardening::confine_as_required(&purpose, settings.require_hardening)?;
    stage.run(settings, listener)
}

/// All that a runner needs before it starts a thread: what is open and mapped now stays so when the
/// process is confined.
pub(crate) struct Stage {
    modules: Modules,
    runtime: Runtime,
}

impl Stage {
    /// Makes all of it.
    ///
    /// # Errors
    /// If the engine or the runtime cannot be made on this machine.
    pub(crate) fn set(settings: &Settings) -> wasmtime::Result<Self> {
        let purpose = Purpose::Run {
            slots: settings.slots,
        };
        let engine = engine::build(settings.code_kind(), purpose)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        Ok(Self {
            modules: Modules::new(engine)?,
            runtime,
        })
    }

    /// Serves a daemon until it is told to end, or none comes.
    pub(crate) fn run(self, settings: &Settings, listener: UnixListener) -> wasmtime::Result<()> {
        let Self { modules, runtime } = self;
        let executor = Executor::start(settings.workers, runtime.handle())?;
        let host = Host::new(settings, modules, executor, runtime.handle().clone());
        let result = runtime.block_on(serve::serve(listener, host, settings));
        // A system call that hangs must not keep the process.
        runtime.shutdown_background();
        Ok(result?)
    }
}
