//! Words that no file may have: what was left for later, and what points out of the repository.

use super::finding::Finding;
use super::source::Source;

/// A word and what would be right instead. They are put together here, so that this file has none of them.
const BANNED: [(&str, &str); 5] = [
    (
        concat!("TO", "DO"),
        "do it now, or file an issue and say nothing here",
    ),
    (
        concat!("FIX", "ME"),
        "mend it now, or file an issue and say nothing here",
    ),
    (
        concat!("to", "do!("),
        "the code, or a refusal that says what is not supported",
    ),
    (
        concat!("unimple", "mented!("),
        "the code, or a refusal that says what is not supported",
    ),
    (
        concat!("../", "shared"),
        "a document of this repository: nobody else has what is outside of it",
    ),
];

pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines() {
        for (word, right) in BANNED {
            if has_word(line, word) {
                let what = format!("`{word}` in `{}`", line.trim());
                findings.push(Finding::wrong(&source.path, number, what, right));
            }
        }
    }
    findings
}

/// Whether the word stands in the line by itself, not within a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends_in_letter = letter(word.chars().next_back());
    line.match_indices(word).any(|(start, found)| {
        let (before, after) = (&line[..start], &line[start + found.len()..]);
        !(letter(before.chars().next_back()) || ends_in_letter && letter(after.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Vec<String> {
        let source = Source {
            path: "a.md".to_owned(),
            text: text.to_owned(),
        };
        check(&source)
            .iter()
            .map(|finding| finding.place.clone())
            .collect()
    }

    #[test]
    fn what_was_left_for_later_is_found_in_its_line() {
        let text = format!("fine\n// {}: later\n{}x)\n", BANNED[0].0, BANNED[2].0);
        assert_eq!(checked(&text), ["a.md:2", "a.md:3"]);
    }

    #[test]
    fn a_word_within_a_word_is_another_word() {
        let word = BANNED[0].0;
        assert!(checked(&format!("MAS{word}S and {word}_LIST and {word}S")).is_empty());
    }

    #[test]
    fn what_points_out_of_the_repository_is_found() {
        assert_eq!(checked(&format!("see {}/x.md", BANNED[4].0)), ["a.md:1"]);
    }
}
