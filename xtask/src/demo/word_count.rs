//! The word count: through the cluster by a guest, and natively as a check. The native one counts in another
//! way on purpose, so that a mistake in one does not hide in the other.
//!
//! A word is a longest run of alphanumeric characters (Unicode's), each character put in lower case by
//! itself. Bytes that are not UTF-8 end a word.

use super::Built;
use super::cluster::Cluster;
use super::guest_run::GuestRun;
use crate::failure::{Failure, Result, While};
use crate::screen;
use std::fs;
use std::path::Path;

/// How many of the most frequent words are shown.
const SHOWN_WORDS: usize = 5;

/// Words and how often each occurs, the most frequent first, equals in the order of the alphabet.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    total: u64,
    words: Vec<(String, u64)>,
}

/// Counts both ways and shows the result. Different counts are a failure.
pub(crate) fn show(cluster: &Cluster, built: &Built, text: &Path) -> Result<()> {
    let flags = ["--input", &text.to_string_lossy()];
    let module = built.module("wordcount-map");
    let outcome =
        GuestRun::new(&built.programs.stoker, cluster.master(), &flags, &module).finish()?;
    if !outcome.ended.status.success() {
        let (code, complaints) = (outcome.exit_code(), outcome.complaints());
        return Err(Failure::new(format!(
            "the word count ended with {code}{complaints}"
        )));
    }
    let counted = parse(&String::from_utf8_lossy(&outcome.ended.stdout))?;
    let bytes = fs::read(text).while_doing(|| format!("read {}", text.display()))?;
    let checked = count_natively(&String::from_utf8_lossy(&bytes));
    compare(&counted, &checked)?;
    for (word, count) in counted.words.iter().take(SHOWN_WORDS) {
        screen::line(&format!("  {:>9}  {word}", screen::grouped(*count)));
    }
    screen::line(&format!(
        "  {:>9}  words in all, {} different ones, in {}; a native count says {}",
        screen::grouped(counted.total),
        screen::grouped(counted.words.len() as u64),
        screen::duration(outcome.took),
        screen::green("the same"),
    ));
    Ok(())
}

/// Sorts all words and looks how long each run of equals is.
fn count_natively(text: &str) -> Counts {
    let mut lower = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() {
            lower.extend(character.to_lowercase());
        } else {
            lower.push(' ');
        }
    }
    let mut sorted: Vec<&str> = lower.split(' ').filter(|word| !word.is_empty()).collect();
    sorted.sort_unstable();
    let mut words: Vec<(String, u64)> = sorted
        .chunk_by(|word, next| word == next)
        .map(|run| (run[0].to_owned(), run.len() as u64))
        .collect();
    // The sort is stable: equals stay in the order of the alphabet.
    words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Counts {
        total: sorted.len() as u64,
        words,
    }
}

/// Reads what the guest prints: `total<TAB>COUNT`, then `WORD<TAB>COUNT` for each word.
fn parse(output: &str) -> Result<Counts> {
    let mut rows = output.lines().map(parse_row);
    let total = match rows.next() {
        Some(Ok((name, total))) if name == "total" => total,
        _ => return Err(Failure::new("the guest's first line is no total")),
    };
    Ok(Counts {
        total,
        words: rows.collect::<Result<_>>()?,
    })
}

fn parse_row(line: &str) -> Result<(String, u64)> {
    let row = line
        .split_once('\t')
        .and_then(|(word, count)| Some((word, count.parse().ok()?)));
    let (word, count) =
        row.ok_or_else(|| Failure::new(format!("`{line}` is no word and count")))?;
    Ok((word.to_owned(), count))
}

fn compare(guest: &Counts, native: &Counts) -> Result<()> {
    if guest.total != native.total {
        let (guest, native) = (guest.total, native.total);
        return Err(Failure::new(format!(
            "the guest counted {guest} words, natively {native}"
        )));
    }
    let pairs = guest.words.iter().zip(&native.words);
    if let Some((guest, native)) = pairs.into_iter().find(|(guest, native)| guest != native) {
        return Err(Failure::new(format!(
            "the guest counted {guest:?}, natively {native:?}"
        )));
    }
    if guest.words.len() != native.words.len() {
        let (guest, native) = (guest.words.len(), native.words.len());
        return Err(Failure::new(format!(
            "the guest found {guest} words, natively {native}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_count_sorts_by_count_and_then_by_word() {
        let counts = count_natively("B a\nb, C-d ÄÄ ää");
        let words: Vec<(&str, u64)> = counts.words.iter().map(|(w, c)| (w.as_str(), *c)).collect();
        assert_eq!(words, [("b", 2), ("ää", 2), ("a", 1), ("c", 1), ("d", 1)]);
        assert_eq!(counts.total, 7);
    }

    #[test]
    fn a_letter_whose_lower_case_is_two_characters_stays_one_word() {
        assert_eq!(count_natively("İx").words, [("i\u{307}x".to_owned(), 1)]);
    }

    #[test]
    fn the_word_total_is_not_the_total() {
        let counts = parse("total\t3\ntotal\t2\na\t1\n").expect("parses");
        assert_eq!(counts.total, 3);
        assert_eq!(counts.words, [("total".to_owned(), 2), ("a".to_owned(), 1)]);
        assert_eq!(compare(&counts, &count_natively("total a total")), Ok(()));
    }

    #[test]
    fn what_is_no_count_is_refused() {
        assert!(parse("").is_err());
        assert!(parse("a\t1\n").is_err());
        assert!(parse("total\t1\na one\n").is_err());
    }

    #[test]
    fn every_difference_is_told() {
        let counts = count_natively("a a b");
        for other in ["a b", "a a c"] {
            assert!(compare(&count_natively(other), &counts).is_err(), "{other}");
        }
        let fewer = Counts {
            total: 3,
            words: counts.words[..1].to_vec(),
        };
        assert!(compare(&fewer, &counts).is_err());
    }
}
