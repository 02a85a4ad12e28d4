//! The map half of a word count.
//!
//! ```text
//! wordcount-map                        counts standard input and prints the counts
//! wordcount-map --parts N FILE…        counts files and leaves the counts in part-0 … part-(N-1)
//! ```
//!
//! Which part a word is in depends on the word alone, so that a reduce task adds up the parts of one number.
//! What a word is, and how counts are written, is said in the crate `wordcount`.

use std::fs::File;
use std::io::{self, BufReader};
use std::process::ExitCode;

use wordcount::Counts;

/// More parts than that are a mistake.
const MOST_PARTS: usize = 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [] => count_input().map_err(|error| error.to_string()),
        [flag, parts, files @ ..] if flag == "--parts" => count_files(parts, files),
        _ => Err("usage: wordcount-map [--parts N FILE…]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("wordcount-map: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn count_input() -> io::Result<()> {
    let mut counts = Counts::default();
    counts.add_text(io::stdin().lock())?;
    counts.print(io::stdout().lock())
}

fn count_files(parts: &str, files: &[String]) -> Result<(), String> {
    let parts = parts
        .parse()
        .ok()
        .filter(|parts| (1..=MOST_PARTS).contains(parts))
        .ok_or(format!(
            "--parts {parts}: not a number from 1 to {MOST_PARTS}"
        ))?;
    let mut counts = Counts::default();
    for path in files {
        let file = File::open(path).map_err(|error| format!("open {path}: {error}"))?;
        counts
            .add_text(BufReader::new(file))
            .map_err(|error| format!("read {path}: {error}"))?;
    }
    for (number, part) in counts.into_parts(parts).iter().enumerate() {
        let path = format!("part-{number}");
        let written = File::create(&path).and_then(|file| part.print(file));
        written.map_err(|error| format!("write {path}: {error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_parts_that_makes_no_sense_is_refused() {
        for parts in ["0", "1025", "-1", "two", ""] {
            let problem = count_files(parts, &[]).expect_err("is refused");
            assert!(problem.contains("from 1 to 1024"), "{problem}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let problem = count_files("1", &["no/such/file".to_owned()]).expect_err("is refused");
        assert!(problem.starts_with("open no/such/file"), "{problem}");
    }
}
