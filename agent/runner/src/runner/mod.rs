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
mod spare;
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
    hardening::{self, Filtered},
    task::Modules,
};

/// What a runner logs unless told: wasmtime-wasi would write a line for what guests do, and make a
/// span of each of their calls.
pub const DEFAULT_LOG_FILTER: &str = "info,wasmtime_wasi=error,wiggle=error,wasmtime=error";

/// The first flag of a runner that has no tenant yet, and gets the flags that say which later.
const SPARE: &str = "--spare";

/// The threads that may block at once: reads of stdin, writes of output, file system calls.
pub(crate) const BLOCKING_THREADS: usize = 8;

/// Runs the command with the arguments that follow its name.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.into_iter().collect();
    let result = match arguments.split_first() {
        Some((first, others)) if first == SPARE => spare::start(others),
        _ => start(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Flags(message)) => {
            // There is nobody to tell that it cannot be written.
            drop(writeln!(io::stderr(), "stoker runner: {message}"));
            ExitCode::from(2)
        }
        Err(Failure::Other(error)) => {
            tracing::error!("the runner failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Why a runner does not run.
enum Failure {
    /// The flags are wrong: a sentence.
    Flags(String),
    /// Anything else.
    Other(wasmtime::Error),
}

impl<E: Into<wasmtime::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Makes a confined runner of this process, and runs it.
fn start(arguments: Vec<String>) -> Result<(), Failure> {
    let settings = Settings::parse(arguments.into_iter()).map_err(Failure::Flags)?;
    let listener = process::prepare(&settings)?;
    let stage = Stage::set(&settings)?;
    let filtered = hardening::filter_calls(settings.class)?;
    Ok(stage.restrict_and_run(filtered, &settings, listener)?)
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

    /// Restricts the process to its tenant's files, and serves.
    fn restrict_and_run(
        self,
        filtered: Filtered,
        settings: &Settings,
        listener: UnixListener,
    ) -> wasmtime::Result<()> {
        let hardening = filtered.restrict_files(&settings.folder)?;
        // What the kernel cannot do, the daemon has said at its start.
        hardening::require(hardening, settings.require_hardening)?;
        self.run(settings, listener)
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
