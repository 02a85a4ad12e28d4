//! `cargo xtask bench`: what Stoker costs, measured. It builds everything for speed and hands over to
//! `stoker-bench`, which measures and prints; our own progress goes to standard error, so that the first line
//! of standard output is the result's.

use crate::cargo::{self, Workspace};
use crate::failure::Result;
use crate::steps::Steps;
use crate::{guests, processes, screen, setup};
use std::path::PathBuf;
use std::process::Command;

/// The program; it lies beside `stoker`.
const PROGRAM: &str = "stoker-bench";
/// Tells it which `stoker` to measure.
const STOKER_VARIABLE: &str = "STOKER_BIN";

/// The verb.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    screen::talk_to_standard_error();
    let mut steps = Steps::begin("bench", 4);
    let outcome = all(&mut steps, workspace, arguments);
    steps.finish(outcome)
}

fn all(steps: &mut Steps, workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let toolchain = steps.required("setup", "cargo xtask setup", || setup::ensure(workspace))?;
    let selection: Vec<&str> = ["--release"]
        .into_iter()
        .chain(cargo::PROGRAMS_ONLY.iter().copied())
        .collect();
    let again = format!("cargo build {}", selection.join(" "));
    let stoker = steps.required(
        "build for speed (10 to 20 minutes the first time)",
        &again,
        || workspace.build(&selection).map(|programs| programs.stoker),
    )?;
    let guests = steps.required("compile the guests", "cargo xtask guests", || {
        guests::build(workspace, &toolchain)
    })?;
    let again = format!("cargo xtask bench {}", arguments.join(" "));
    steps.required("measure (some minutes)", &again, || {
        processes::show(&mut program(stoker, guests, arguments))
    })
}

fn program(stoker: PathBuf, guests: PathBuf, arguments: &[String]) -> Command {
    let mut command = Command::new(stoker.with_file_name(PROGRAM));
    command
        .args(arguments)
        .env(STOKER_VARIABLE, stoker)
        .env(guests::FOLDER_VARIABLE, guests);
    command
}

/// Whether this says what to measure, with options that have a value each: what is wrong costs no build.
pub(crate) fn check(arguments: &[String]) -> std::result::Result<(), String> {
    let (what, options) = match arguments.split_first() {
        Some((what, options)) if ["launch", "sandbox"].contains(&what.as_str()) => (what, options),
        Some((what, _)) => return Err(format!("`bench` does not know `{what}`")),
        None => {
            return Err("`bench` wants to know what: `bench launch` or `bench sandbox`".to_owned());
        }
    };
    for pair in options.chunks(2) {
        match pair {
            [name, value] => check_option(what, name, value)?,
            rest => return Err(format!("`{}` needs a value", rest.join(" "))),
        }
    }
    Ok(())
}

fn check_option(what: &str, name: &str, value: &str) -> std::result::Result<(), String> {
    let number = value.parse::<u64>();
    let is_right = match (what, name) {
        (_, "--json") | ("sandbox", "--part") => !value.is_empty(),
        ("launch", "--tasks" | "--rounds") => number.is_ok_and(|number| number > 0),
        ("launch", "--seed") => number.is_ok(),
        _ => return Err(format!("`bench {what}` does not take `{name}`")),
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("`{name}` does not take `{value}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(line: &str) -> std::result::Result<(), String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        check(&words)
    }

    #[test]
    fn options_are_checked_before_anything_is_built() {
        assert_eq!(checked("launch"), Ok(()));
        assert_eq!(checked("launch --tasks 500 --seed 0 --json a.json"), Ok(()));
        assert_eq!(checked("sandbox --part kill"), Ok(()));
        for (line, complaint) in [
            ("launch --tasks", "`--tasks` needs a value"),
            ("launch --tasks 0", "`--tasks` does not take `0`"),
            ("launch --rounds few", "`--rounds` does not take `few`"),
            (
                "sandbox --tasks 3",
                "`bench sandbox` does not take `--tasks`",
            ),
            ("dance", "`bench` does not know `dance`"),
        ] {
            assert_eq!(checked(line), Err(complaint.to_owned()), "{line}");
        }
    }

    #[test]
    fn the_program_lies_beside_stoker_and_is_told_of_it() {
        let launch = ["launch".to_owned()];
        let command = program("/t/release/stoker".into(), "/g".into(), &launch);
        assert_eq!(processes::describe(&command), "stoker-bench launch");
        assert_eq!(command.get_program(), "/t/release/stoker-bench");
    }
}
