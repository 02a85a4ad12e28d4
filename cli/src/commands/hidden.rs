//! The two programs that agents start: `stoker runner` and `stoker compile`.
//!
//! Owns nothing but the way there: both are the runner crate's.

use std::process::ExitCode;

use crate::args::Passed;

/// Hosts one tenant's tasks. Its socket is descriptor 0.
pub(super) fn runner(passed: Passed) -> ExitCode {
    super::logging::for_runner();
    stoker_agent_runner::runner::main(text(passed))
}

/// Compiles one module from stdin to stdout.
pub(super) fn compile(passed: Passed) -> ExitCode {
    stoker_agent_runner::compile::main(text(passed))
}

fn text(passed: Passed) -> impl Iterator<Item = String> {
    passed
        .arguments
        .into_iter()
        .map(|argument| argument.to_string_lossy().into_owned())
}
