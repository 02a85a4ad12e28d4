//! One `stoker run` through the demo's cluster: the command as one would type it, and how it ended. It never
//! judges the end.

use crate::failure::Result;
use crate::processes::{self, Ended};
use crate::screen;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// No run of the demo takes that long; without an end a broken cluster would hold up everything.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A `stoker run` before it starts.
#[derive(Debug)]
pub(crate) struct GuestRun {
    command: Command,
    shown: String,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) took: Duration,
}

impl GuestRun {
    /// `stoker run --master MASTER FLAG… MODULE`.
    pub(crate) fn new(stoker: &Path, master: &str, flags: &[&str], module: &Path) -> Self {
        let mut command = Command::new(stoker);
        command
            .args(["run", "--master", master])
            .args(flags)
            .arg(module);
        // A person would have the folder of the modules in mind and the master in the environment.
        let name = crate::files::name(module);
        let mut words = vec!["stoker".to_owned(), "run".to_owned()];
        words.extend(flags.iter().map(|flag| processes::quoted(flag)));
        words.push(name);
        Self {
            command,
            shown: words.join(" "),
        }
    }

    /// Shows the command and runs it to its end.
    pub(crate) fn finish(mut self) -> Result<Outcome> {
        screen::line(&format!("  $ {}", self.shown));
        let started = Instant::now();
        let ended = processes::capture_within(&mut self.command, TIME_LIMIT)?;
        Ok(Outcome {
            ended,
            took: started.elapsed(),
        })
    }
}

impl Outcome {
    /// The exit code as people write it; a program that a signal ended has none.
    pub(crate) fn exit_code(&self) -> String {
        self.ended
            .status
            .code()
            .map_or_else(|| self.ended.status.to_string(), |c| c.to_string())
    }

    /// What the program said on standard error, indented, for a failure's report.
    pub(crate) fn complaints(&self) -> String {
        let text = String::from_utf8_lossy(&self.ended.stderr);
        text.trim_end()
            .lines()
            .map(|line| format!("\n    {line}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_shown_as_one_would_type_it() {
        let module = Path::new("/far/away/spin.wasm");
        let run = GuestRun::new(
            Path::new("/bin/stoker"),
            "http://m",
            &["--timeout", "2s"],
            module,
        );
        assert_eq!(run.shown, "stoker run --timeout 2s spin.wasm");
        assert_eq!(
            processes::describe(&run.command),
            "stoker run --master http://m --timeout 2s /far/away/spin.wasm"
        );
    }
}
