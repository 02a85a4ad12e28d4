//! The figures beside what they are to be: as a table for people, and as JSON.

use std::fmt;

use serde::Serialize;

use crate::{figures::Rounds, machine::Machine};

/// Everything that was measured, and on what.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) load_before: String,
    pub(super) load_after: String,
    pub(super) figures: Vec<Figure>,
}

/// One figure, and the aim if there is one.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: &'static str,
    #[serde(flatten)]
    pub(super) value: Rounds,
    pub(super) aim: Option<Aim>,
}

/// What a figure is to be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Aim {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Figure {
    /// Of several measurements of the same.
    pub(super) fn of(
        name: impl Into<String>,
        unit: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            value: Rounds::of(values),
            aim: None,
        }
    }

    pub(super) fn at_most(mut self, most: f64) -> Self {
        self.aim = Some(Aim::AtMost(most));
        self
    }

    pub(super) fn at_least(mut self, least: f64) -> Self {
        self.aim = Some(Aim::AtLeast(least));
        self
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rounds { median, min, max } = self.value;
        let (name, unit) = (&self.name, self.unit);
        write!(
            formatter,
            "{name:<58} {median:>12.3} {min:>12.3} {max:>12.3} {unit:<10}"
        )?;
        let (sign, bound) = match self.aim {
            None => return Ok(()),
            Some(Aim::AtMost(bound)) => ("≤", bound),
            Some(Aim::AtLeast(bound)) => ("≥", bound),
        };
        let is_met = self.aim.is_some_and(|aim| aim.is_met(median));
        let word = if is_met { "met" } else { "MISSED" };
        write!(formatter, " {sign} {bound:<8} {word}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            formatter,
            "{}, {} cores, Linux {}, {}; commit {}; load {} before, {} after",
            machine.processor,
            machine.cores,
            machine.kernel,
            machine.file_system,
            machine.commit,
            self.load_before,
            self.load_after
        )?;
        if !machine.is_release_build {
            writeln!(formatter, "not built for speed: no figure here means much")?;
        }
        writeln!(
            formatter,
            "\n{:<58} {:>12} {:>12} {:>12} {:<10} aim",
            "", "median", "min", "max", "unit"
        )?;
        for figure in &self.figures {
            writeln!(formatter, "{}", figure.to_string().trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_held_against_the_aim() {
        let figure = Figure::of("kill, p99", "ms", [3.0, 25.0, 4.0]).at_most(20.0);
        assert!(figure.to_string().ends_with("≤ 20       met"), "{figure}");
        let figure = Figure::of("throughput", "", [0.5]).at_least(0.97);
        assert!(
            figure.to_string().ends_with("≥ 0.97     MISSED"),
            "{figure}"
        );
    }
}
