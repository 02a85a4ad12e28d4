//! `cargo xtask VERB`: the project's habits as a program. This file knows the verbs and nothing else; each
//! is in the file or folder of its name.

mod bench;
mod cargo;
mod demo;
mod failure;
mod files;
mod guests;
mod help;
mod processes;
mod screen;
mod setup;
mod sim;
mod steps;
mod test;
mod tidy;

use cargo::Workspace;
use failure::Result;
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Verb {
    Bench { arguments: Vec<String> },
    Demo { path: Option<PathBuf> },
    Guests,
    Help { text: &'static str },
    Setup,
    Sim { arguments: Vec<String> },
    Test { demo: bool },
    Tidy,
}

/// For a command line that makes no sense; a step that failed is 1.
const USAGE_EXIT_CODE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let verb = match parse(&arguments) {
        Ok(verb) => verb,
        Err(problem) => {
            screen::complaint(&format!("error: {problem}\n\n{}", help::OVERVIEW));
            return ExitCode::from(USAGE_EXIT_CODE);
        }
    };
    match run(verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::complaint(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    if let Verb::Help { text } = verb {
        screen::line(text);
        return Ok(());
    }
    let workspace = Workspace::find()?;
    match verb {
        Verb::Bench { arguments } => bench::run(&workspace, &arguments),
        Verb::Demo { path } => demo::run(&workspace, path),
        Verb::Guests => guests::run(&workspace),
        Verb::Setup => setup::run(&workspace),
        Verb::Sim { arguments } => sim::run(&workspace, &arguments),
        Verb::Test { demo } => test::run(&workspace, demo),
        Verb::Tidy => tidy::run(&workspace),
        Verb::Help { .. } => Ok(()),
    }
}

fn parse(arguments: &[String]) -> std::result::Result<Verb, String> {
    let Some((verb, rest)) = arguments.split_first() else {
        return Ok(Verb::Help {
            text: help::OVERVIEW,
        });
    };
    if matches!(verb.as_str(), "help" | "--help" | "-h") {
        let text = rest
            .first()
            .map_or(Some(help::OVERVIEW), |verb| help::of(verb));
        return text
            .map(|text| Verb::Help { text })
            .ok_or_else(|| format!("no verb `{}`", rest.join(" ")));
    }
    let text = help::of(verb).ok_or_else(|| format!("no verb `{verb}`"))?;
    if rest
        .iter()
        .any(|argument| matches!(argument.as_str(), "--help" | "-h"))
    {
        return Ok(Verb::Help { text });
    }
    if verb == "bench" {
        bench::check(rest)?;
        let arguments = rest.to_vec();
        return Ok(Verb::Bench { arguments });
    }
    if verb == "sim" {
        let arguments = rest.to_vec();
        return Ok(Verb::Sim { arguments });
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match (verb.as_str(), rest.as_slice()) {
        ("setup", []) => Ok(Verb::Setup),
        ("guests", []) => Ok(Verb::Guests),
        ("tidy", []) => Ok(Verb::Tidy),
        ("test", []) => Ok(Verb::Test { demo: true }),
        ("test", ["--skip-demo"]) => Ok(Verb::Test { demo: false }),
        ("demo", []) => Ok(Verb::Demo { path: None }),
        ("demo", [path]) if !path.starts_with('-') => Ok(Verb::Demo {
            path: Some(PathBuf::from(path)),
        }),
        (verb, rest) => Err(format!("`{verb}` does not take `{}`", rest.join(" "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> std::result::Result<Verb, String> {
        parse(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn verbs_and_their_arguments_are_known() {
        assert_eq!(parsed("setup"), Ok(Verb::Setup));
        assert_eq!(parsed("demo"), Ok(Verb::Demo { path: None }));
        assert_eq!(
            parsed("demo a.txt"),
            Ok(Verb::Demo {
                path: Some("a.txt".into())
            })
        );
        assert_eq!(parsed("test --skip-demo"), Ok(Verb::Test { demo: false }));
        let arguments = vec!["--seed".to_owned(), "7".to_owned()];
        assert_eq!(
            parsed("bench launch --tasks 9"),
            Ok(Verb::Bench {
                arguments: ["launch", "--tasks", "9"].map(str::to_owned).to_vec()
            })
        );
        assert_eq!(parsed("sim --seed 7"), Ok(Verb::Sim { arguments }));
    }

    #[test]
    fn every_verb_has_help_both_ways() {
        for verb in ["bench", "setup", "guests", "demo", "sim", "test", "tidy"] {
            let text = help::of(verb).expect("has help");
            assert_eq!(parsed(&format!("{verb} --help")), Ok(Verb::Help { text }));
            assert_eq!(parsed(&format!("help {verb}")), Ok(Verb::Help { text }));
            assert!(
                help::OVERVIEW.contains(&format!("  {verb}")),
                "{verb} is in the overview"
            );
        }
        assert_eq!(
            parsed(""),
            Ok(Verb::Help {
                text: help::OVERVIEW
            })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(parsed("dance"), Err("no verb `dance`".to_owned()));
        assert_eq!(
            parsed("tidy all"),
            Err("`tidy` does not take `all`".to_owned())
        );
        assert_eq!(
            parsed("demo --fast"),
            Err("`demo` does not take `--fast`".to_owned())
        );
    }
}
