//! Every Rust file begins by saying what it owns and what it never does.

use super::finding::Finding;
use super::source::Source;

/// A head says something; one word or a promise does not.
const SHORTEST_HEAD: usize = 20;
const RIGHT: &str =
    "begin with `//!` and a sentence that says what the file owns and what it never does";

pub(crate) fn check(source: &Source) -> Option<Finding> {
    let head: String = source
        .text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .collect::<Vec<_>>()
        .join(" ");
    if head.is_empty() {
        return Some(Finding::wrong(
            &source.path,
            1,
            "the file has no head".to_owned(),
            RIGHT,
        ));
    }
    if head.trim().len() < SHORTEST_HEAD {
        let what = format!("the head says only `{}`", head.trim());
        return Some(Finding::wrong(&source.path, 1, what, RIGHT));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Option<String> {
        let source = Source {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        check(&source).map(|finding| finding.to_string())
    }

    #[test]
    fn a_sentence_is_a_head() {
        assert_eq!(
            checked("//! Owns the offers; it never sends them.\n\nuse std::fmt;\n"),
            None
        );
    }

    #[test]
    fn no_head_and_an_empty_promise_are_found() {
        assert!(checked("use std::fmt;\n").is_some_and(|text| text.contains("has no head")));
        assert!(checked("//! (soon)\n").is_some_and(|text| text.contains("says only `(soon)`")));
    }
}
