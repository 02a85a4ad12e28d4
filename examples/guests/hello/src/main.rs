//! Greets: prints `hello` and its arguments on one line. Its flags show what else a guest has: an exit
//! code, an environment, a standard input, an error stream and, where it was given any, files.
//!
//! ```text
//! hello [WORD…] [--env] [--cat] [--read FILE] [--write FILE] [--stderr TEXT] [--exit CODE]
//! ```

use std::io::{self, Write};
use std::process::ExitCode;

/// What the arguments ask for.
#[derive(Debug, Default, PartialEq)]
struct Wishes {
    /// The words to greet, in order.
    words: Vec<String>,
    /// `--env`: print the environment, sorted by name.
    environment: bool,
    /// `--cat`: copy standard input to standard output.
    copy_input: bool,
    /// `--read FILE`: copy a file to standard output.
    read: Option<String>,
    /// `--write FILE`: write the greeting into a file.
    write: Option<String>,
    /// `--stderr TEXT`: a line for the error stream.
    complaint: Option<String>,
    /// `--exit CODE`: what to exit with.
    exit_code: u8,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|wishes| fulfil(&wishes)) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("hello: {problem}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wishes, String> {
    let mut wishes = Wishes::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--env" => wishes.environment = true,
            "--cat" => wishes.copy_input = true,
            "--read" => wishes.read = Some(value()?),
            "--write" => wishes.write = Some(value()?),
            "--stderr" => wishes.complaint = Some(value()?),
            "--exit" => {
                let code = value()?;
                wishes.exit_code = code
                    .parse()
                    .map_err(|_| format!("--exit {code}: not a number from 0 to 255"))?;
            }
            _ => wishes.words.push(argument),
        }
    }
    Ok(wishes)
}

fn fulfil(wishes: &Wishes) -> Result<ExitCode, String> {
    let mut greeting = vec!["hello".to_owned()];
    greeting.extend(wishes.words.iter().cloned());
    println!("{}", greeting.join(" "));
    if wishes.environment {
        let mut variables: Vec<(String, String)> = std::env::vars().collect();
        variables.sort();
        for (name, value) in variables {
            println!("{name}={value}");
        }
    }
    if wishes.copy_input {
        io::copy(&mut io::stdin(), &mut io::stdout()).map_err(|e| format!("copy input: {e}"))?;
        io::stdout()
            .flush()
            .map_err(|e| format!("write output: {e}"))?;
    }
    if let Some(path) = &wishes.write {
        std::fs::write(path, greeting.join(" ")).map_err(|e| format!("write {path}: {e}"))?;
    }
    if let Some(path) = &wishes.read {
        print!(
            "{}",
            std::fs::read_to_string(path).map_err(|e| format!("read {path}: {e}"))?
        );
    }
    if let Some(complaint) = &wishes.complaint {
        eprintln!("{complaint}");
    }
    Ok(ExitCode::from(wishes.exit_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wishes, String> {
        parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn words_and_flags_may_mix() {
        let wishes = parsed(&["a", "--exit", "7", "b", "--env"]).expect("parses");
        assert_eq!(wishes.words, ["a", "b"]);
        assert_eq!(wishes.exit_code, 7);
        assert!(wishes.environment && !wishes.copy_input);
    }

    #[test]
    fn a_flag_without_its_value_is_refused() {
        assert_eq!(parsed(&["--exit"]), Err("--exit needs a value".to_owned()));
        assert!(parsed(&["--exit", "256"]).is_err());
    }
}
