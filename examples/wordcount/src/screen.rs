//! The line that says how far it is, on stderr: redrawn on a terminal, printed once a second
//! elsewhere. Never knows what it says.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// How often a new line is printed where it cannot be redrawn.
const PAUSE: Duration = Duration::from_secs(1);

/// The line.
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
    shown_at: Option<Instant>,
    shown: String,
}

impl Screen {
    /// Nothing is shown yet.
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            // A fixed template: whether it is valid does not depend on input.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            bar,
            shown_at: None,
            shown: String::new(),
        }
    }

    /// How far it is now; not every one of these is seen.
    pub(crate) fn show(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
            None if self.shown_at.is_some_and(|at| at.elapsed() < PAUSE) => {}
            None if self.shown == line => {}
            None => {
                self.shown_at = Some(Instant::now());
                line.clone_into(&mut self.shown);
                note(line);
            }
        }
    }

    /// A line that stays.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(line)),
            None => note(line),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line on stderr. If no one reads it, nothing is lost.
fn note(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "wordcount: {line}"));
}
