//! Where `stoker run` is: one line that is redrawn on a terminal, one line a phase elsewhere.
//!
//! Owns stderr while nothing of the guest is on it; never knows what comes next.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// The progress of one run.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    phase: String,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            // A fixed template: whether it is valid does not depend on input.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            bar,
            phase: String::new(),
        }
    }

    /// A new phase begins; the same one again is not said twice.
    pub(super) fn phase(&mut self, phase: &str) {
        if self.phase == phase {
            return;
        }
        phase.clone_into(&mut self.phase);
        match &self.bar {
            Some(bar) => bar.set_message(self.phase.clone()),
            None => output::note(&format!("stoker: {phase}")),
        }
    }

    /// How far the phase is: shown on a terminal only.
    pub(super) fn detail(&self, detail: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {detail}", self.phase));
        }
    }

    /// The guest has the terminal from now on.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
