//! `stoker compile`, a hidden command: Wasm on stdin, compiled code on stdout.
//!
//! Compiling is the one thing that a guest's author can make arbitrarily expensive, and compilers
//! have bugs; so it happens in a child process that first limits and confines itself and then knows
//! nothing but the bytes. It never opens a file, never reads the environment and never runs what it compiles.
//!
//! | exit code | stderr | meaning |
//! | --- | --- | --- |
//! | 0 | empty | stdout holds the artifact |
//! | 1 | one line, [`Refusal`] as JSON | the module is refused, or something of ours failed |
//! | 2 | a sentence | wrong flags |
//! | a signal | anything | a limit was met: `COMPILE_LIMIT` |

mod bounds;
mod check;
mod refusal;
mod settings;
mod translate;

#[cfg(test)]
pub(crate) use translate::translate;

pub use refusal::Refusal;
pub use settings::Settings;

pub(crate) use bounds::die_with_parent;

use std::{
    any::Any,
    io::{self, Read as _, Write as _},
    panic::catch_unwind,
    process::ExitCode,
};

use stoker_types::{Hardening, Reason, size};

use crate::hardening;

/// Runs the command with the arguments that follow its name.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    match Settings::parse(arguments.into_iter()) {
        Ok(settings) => match catch_unwind(|| run(&settings)).unwrap_or_else(gave_up) {
            Ok(()) => ExitCode::SUCCESS,
            Err(refusal) => {
                say(&refusal.to_line());
                ExitCode::from(1)
            }
        },
        Err(message) => {
            say(&format!("stoker compile: {message}"));
            ExitCode::from(2)
        }
    }
}

/// A compiler that panics would do it again with this module.
fn gave_up(_panic: Box<dyn Any + Send>) -> Result<(), Refusal> {
    let message = "the compiler gave up on the module".to_owned();
    Err(Refusal::new(Reason::CompileLimit, message))
}

fn run(settings: &Settings) -> Result<(), Refusal> {
    bounds::impose(settings).map_err(|error| Refusal::ours("limit the compiler", &error))?;
    // What the kernel cannot do, the daemon has said at its start.
    let hardening = hardening::confine_compiler()
        .and_then(|hardening| hardening::require(hardening, settings.require_hardening))
        .map_err(|error| Refusal::ours("confine the compiler", &error))?;
    if settings.print_hardening {
        let Hardening { landlock, seccomp } = hardening;
        let line = serde_json::json!({ "landlock": landlock, "seccomp": seccomp });
        return write_out(format!("{line}\n").as_bytes());
    }
    if settings.print_key {
        let key = crate::engine::compile_key(settings.code_kind())
            .map_err(|error| Refusal::ours("make the engine", &error))?;
        return write_out(format!("{key}\n").as_bytes());
    }
    let wasm = read_module(settings.module_bytes)?;
    write_out(&translate::translate(
        &wasm,
        settings.code_kind(),
        settings.unknown_imports,
    )?)
}

/// All of stdin, if it is not more than `most` bytes.
fn read_module(most: u64) -> Result<Vec<u8>, Refusal> {
    let mut wasm = Vec::new();
    io::stdin()
        .lock()
        .take(most.saturating_add(1))
        .read_to_end(&mut wasm)
        .map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => {
                let message = "the module does not fit the compiler's memory".to_owned();
                Refusal::new(Reason::CompileLimit, message)
            }
            _ => Refusal::ours("read the module", &error),
        })?;
    if wasm.len() as u64 > most {
        let most = size::display(most);
        let message = format!("the module is larger than {most}, the most that is compiled");
        return Err(Refusal::new(Reason::ModuleTooLarge, message));
    }
    Ok(wasm)
}

fn write_out(bytes: &[u8]) -> Result<(), Refusal> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Refusal::ours("write the compiled module", &error))
}

/// One line on stderr. There is nobody to tell that it cannot be written.
fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
