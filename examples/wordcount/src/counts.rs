//! How often each word occurs: as the guests write it, as this program counts it, and whether both
//! are the same.
//!
//! Counts in another way than the guests on purpose (letter by letter, whole texts), so that a
//! mistake in one does not hide in the other. Never prints.

use std::collections::HashMap;

use anyhow::{Context as _, bail, ensure};

/// How often each word occurs. A word is a longest run of alphanumeric characters (Unicode's), each
/// in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    words: HashMap<String, u64>,
    total: u64,
}

impl Counts {
    /// Counts the words of a text.
    pub(crate) fn add_text(&mut self, text: &str) {
        let mut word = String::new();
        // One more letter that is none ends the last word.
        for letter in text.chars().chain([' ']) {
            if letter.is_alphanumeric() {
                word.extend(letter.to_lowercase());
            } else if !word.is_empty() {
                self.add(&word, 1);
                word.clear();
            }
        }
    }

    /// Adds what a reduce task left: `total<TAB>COUNT`, then `WORD<TAB>COUNT` for each word.
    pub(crate) fn add_printed(&mut self, printed: &str) -> anyhow::Result<()> {
        let mut rows = printed.lines().map(row);
        let Some(Ok(("total", total))) = rows.next() else {
            bail!("its first line is no total");
        };
        let before = self.total;
        for row in rows {
            let (word, count) = row?;
            self.add(word, count);
        }
        let sum = self.total - before;
        ensure!(sum == total, "its counts add up to {sum}, not to {total}");
        Ok(())
    }

    /// How many words there are.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// How many different ones.
    pub(crate) fn different(&self) -> usize {
        self.words.len()
    }

    /// The most frequent words, equals in the order of the alphabet.
    pub(crate) fn top(&self, count: usize) -> Vec<(&str, u64)> {
        let words = self.words.iter();
        let mut rows: Vec<(&str, u64)> = words.map(|(word, count)| (&**word, *count)).collect();
        rows.sort_unstable_by(|(word, count), (other, other_count)| {
            other_count.cmp(count).then_with(|| word.cmp(other))
        });
        rows.truncate(count);
        rows
    }

    /// Fails with the first difference to what else was counted.
    pub(crate) fn compare(&self, native: &Self) -> anyhow::Result<()> {
        let mut words: Vec<&String> = self.words.keys().chain(native.words.keys()).collect();
        words.sort_unstable();
        for word in words {
            let count = |counts: &Self| counts.words.get(word).copied().unwrap_or_default();
            let (here, there) = (count(self), count(native));
            ensure!(
                here == there,
                "the cluster counted {word:?} {here} times, this program {there} times"
            );
        }
        Ok(())
    }

    fn add(&mut self, word: &str, count: u64) {
        self.total += count;
        match self.words.get_mut(word) {
            Some(counted) => *counted += count,
            None => drop(self.words.insert(word.to_owned(), count)),
        }
    }
}

fn row(line: &str) -> anyhow::Result<(&str, u64)> {
    line.split_once('\t')
        .and_then(|(word, count)| Some((word, count.parse().ok()?)))
        .with_context(|| format!("{line:?} is no word and count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> Counts {
        let mut counts = Counts::default();
        counts.add_text(text);
        counts
    }

    #[test]
    fn the_top_is_sorted_by_count_and_then_by_word() {
        let counts = counted("B a\nb, C-d ÄÄ ää");
        assert_eq!(counts.top(4), [("b", 2), ("ää", 2), ("a", 1), ("c", 1)]);
        assert_eq!((counts.total(), counts.different()), (7, 5));
    }

    #[test]
    fn a_letter_whose_lower_case_is_two_characters_stays_one_word() {
        assert_eq!(counted("İx").top(9), [("i\u{307}x", 1)]);
    }

    #[test]
    fn what_reduce_tasks_left_is_added_up() {
        let mut counts = Counts::default();
        counts.add_printed("total\t3\ntotal\t2\na\t1\n").unwrap();
        counts.add_printed("total\t0\n").unwrap();
        counts.add_printed("total\t1\nb\t1\n").unwrap();
        assert_eq!(counts, counted("total total a b"));
    }

    #[test]
    fn what_was_cut_or_is_no_count_is_refused() {
        for text in ["", "a\t1\n", "total\t2\na\t1\n", "total\t1\na one\n"] {
            assert!(Counts::default().add_printed(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_difference_is_told() {
        let counts = counted("a a b");
        assert!(counts.compare(&counted("b a a")).is_ok());
        for (other, difference) in [
            ("a b", r#"counted "a" 2 times, this program 1 times"#),
            ("a a b c", r#"counted "c" 0 times, this program 1 times"#),
            ("a a", r#"counted "b" 1 times, this program 0 times"#),
        ] {
            let error = counts.compare(&counted(other)).unwrap_err().to_string();
            assert!(error.contains(difference), "{error}");
        }
    }
}
