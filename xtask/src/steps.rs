//! The steps of a verb: each is announced, timed and reported, and the end sums them up. It never knows
//! what a step does.

use crate::failure::{Failure, Result};
use crate::screen;
use std::time::{Duration, Instant};

/// A verb's steps as they are done. A step that failed is remembered with the command that shows it again.
#[derive(Debug)]
pub(crate) struct Steps {
    /// The verb, which leads every line, because verbs call each other.
    verb: &'static str,
    planned: usize,
    started: Instant,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    name: String,
    took: Duration,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    why: Failure,
    /// What to type to see this step alone.
    again: String,
}

impl Steps {
    pub(crate) fn begin(verb: &'static str, planned: usize) -> Self {
        Self {
            verb,
            planned,
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// A step that the following ones stand on: its failure ends the verb.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        again: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let number = format!("{} {}/{}", self.verb, self.done.len() + 1, self.planned);
        screen::line(&screen::bold(&format!("[{number}] {name}")));
        let started = Instant::now();
        let outcome = work();
        let took = started.elapsed();
        let verdict = match &outcome {
            Ok(_) => screen::green("done"),
            Err(why) => format!("{} ({})", screen::red("FAILED"), why.first_line()),
        };
        screen::line(&format!(
            "[{number}] {name}: {verdict}, {}",
            screen::duration(took)
        ));
        let failed = outcome.as_ref().err().map(|why| Failed {
            why: why.clone(),
            again: again.to_owned(),
        });
        self.done.push(Done {
            name: name.to_owned(),
            took,
            failed,
        });
        outcome
    }

    /// A step that no other stands on: its failure is told at the end, and the next step is done all the
    /// same, so that one run tells everything.
    pub(crate) fn independent(
        &mut self,
        name: &str,
        again: &str,
        work: impl FnOnce() -> Result<()>,
    ) {
        drop(self.required(name, again, work));
    }

    /// The table of times, the total and what failed. `outcome` is how the last required step ended.
    pub(crate) fn finish<T>(self, outcome: Result<T>) -> Result<T> {
        screen::line("");
        for step in &self.done {
            let mark = if step.failed.is_some() {
                screen::red("  FAILED")
            } else {
                String::new()
            };
            screen::line(&format!(
                "{:>12}  {}{mark}",
                screen::duration(step.took),
                step.name
            ));
        }
        screen::line(&format!(
            "{:>12}  {} in all",
            screen::duration(self.started.elapsed()),
            self.verb
        ));
        for step in &self.done {
            if let Some(failed) = &step.failed {
                screen::complaint(&format!("\n{}: {}", step.name, failed.why));
                screen::complaint(&format!("  see it alone: {}", failed.again));
            }
        }
        let failed = self.failed();
        if failed == 0 {
            return outcome;
        }
        Err(Failure::new(format!(
            "{failed} of {} steps failed",
            self.done.len()
        )))
    }

    /// How many steps went well, for a line in which a machine looks for a count.
    pub(crate) fn passed(&self) -> usize {
        self.done.len() - self.failed()
    }

    pub(crate) fn failed(&self) -> usize {
        self.done
            .iter()
            .filter(|step| step.failed.is_some())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_independent_failure_fails_the_whole_at_the_end() {
        let mut steps = Steps::begin("try", 2);
        steps.independent("bad", "again", || Err(Failure::new("no")));
        let outcome = steps.required("good", "again", || Ok(3));
        assert_eq!(outcome, Ok(3));
        assert_eq!((steps.passed(), steps.failed()), (1, 1));
        assert_eq!(
            steps.finish(outcome),
            Err(Failure::new("1 of 2 steps failed"))
        );
    }

    #[test]
    fn all_good_gives_what_the_steps_made() {
        let mut steps = Steps::begin("try", 1);
        let outcome = steps.required("good", "again", || Ok("made"));
        assert_eq!(steps.finish(outcome), Ok("made"));
    }
}
