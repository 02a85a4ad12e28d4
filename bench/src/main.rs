//! `stoker-bench`: what Stoker costs, measured end to end on this machine, beside yardsticks that are
//! measured in the same run.
//!
//! Owns the command line. `cargo xtask bench` builds what this needs and calls it; the figures mean
//! something only in a release build.

mod cluster;
mod cpu;
mod figures;
mod launch;
mod machine;
mod yardstick;

use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail};

/// For a command line that makes no sense.
const USAGE_EXIT_CODE: u8 = 2;

const USAGE: &str = "usage: stoker-bench launch [--tasks N] [--rounds N] [--seed N] [--json FILE]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let plan = match parse(&arguments) {
        Ok(plan) => plan,
        Err(error) => {
            say(&format!("error: {error:#}\n{USAGE}"));
            return ExitCode::from(USAGE_EXIT_CODE);
        }
    };
    match launch::run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> anyhow::Result<launch::Plan> {
    let Some(("launch", rest)) = arguments
        .split_first()
        .map(|(verb, rest)| (verb.as_str(), rest))
    else {
        bail!("name what to measure");
    };
    let mut plan = launch::Plan::default();
    let mut rest = rest.iter();
    while let Some(name) = rest.next() {
        let value = rest
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--tasks" => plan.tasks = positive(name, value)?,
            "--rounds" => plan.rounds = positive(name, value)?,
            "--seed" => plan.seed = value.parse().with_context(|| format!("{name} {value}"))?,
            "--json" => plan.json = Some(PathBuf::from(value)),
            _ => bail!("{name} is not known"),
        }
    }
    Ok(plan)
}

fn positive(name: &str, value: &str) -> anyhow::Result<usize> {
    let number = value.parse().with_context(|| format!("{name} {value}"))?;
    if number == 0 {
        bail!("{name} takes at least 1");
    }
    Ok(number)
}

/// A line about the progress, or an error. A reader that has gone is no reason to stop.
fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Lines of the result.
fn tell(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}").context("cannot write the result")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> anyhow::Result<launch::Plan> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let plan = parsed("launch --tasks 500 --json /tmp/a.json").unwrap();
        assert_eq!(
            (plan.tasks, plan.rounds),
            (500, launch::Plan::default().rounds)
        );
        assert_eq!(plan.json, Some(PathBuf::from("/tmp/a.json")));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, what) in [
            ("", "name what to measure"),
            ("dance", "name what to measure"),
            ("launch --tasks", "--tasks needs a value"),
            ("launch --tasks 0", "--tasks takes at least 1"),
            ("launch --fast yes", "--fast is not known"),
        ] {
            assert_eq!(parsed(line).unwrap_err().to_string(), what, "{line}");
        }
    }
}
