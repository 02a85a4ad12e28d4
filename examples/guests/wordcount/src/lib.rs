//! What the two halves of a word count share: counts, and the text in which they travel. It opens no
//! file: its callers do.
//!
//! A word is a longest run of alphanumeric characters (Unicode's), each character put in lower case by
//! itself. Bytes that are not UTF-8 end a word.
//!
//! As text, counts are a first line `total<TAB>COUNT` and then `WORD<TAB>COUNT` for each word, the most
//! frequent first, equals in the order of the alphabet.

use std::collections::HashMap;
use std::io::{self, BufRead, BufWriter, Write};

/// How often each word occurs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    words: HashMap<String, u64>,
}

impl Counts {
    /// Counts the words of a text. It is read line by line, so that memory holds the different words and
    /// one line; a line's end ends a word too.
    pub fn add_text(&mut self, mut text: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        // One for all words: most of them are known already.
        let mut lower = String::new();
        while text.read_until(b'\n', &mut line)? > 0 {
            for word in String::from_utf8_lossy(&line).split(|c: char| !c.is_alphanumeric()) {
                if !word.is_empty() {
                    lower.clear();
                    lower.extend(word.chars().flat_map(char::to_lowercase));
                    self.add(&lower, 1);
                }
            }
            line.clear();
        }
        Ok(())
    }

    /// Adds what [`print`](Self::print) wrote. Counts that do not add up to their total are an error:
    /// something of them is missing.
    pub fn add_printed(&mut self, printed: impl BufRead) -> io::Result<()> {
        let mut lines = printed.lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let Some(("total", total)) = row(&first) else {
            return Err(broken(format!("`{first}` is no total")));
        };
        let mut sum = 0;
        for line in lines {
            let line = line?;
            let (word, count) =
                row(&line).ok_or_else(|| broken(format!("`{line}` is no word and count")))?;
            self.add(word, count);
            sum += count;
        }
        if sum == total {
            Ok(())
        } else {
            Err(broken(format!("the counts add up to {sum}, not {total}")))
        }
    }

    /// Deals the words out, each to the part that its hash names: the same word of other texts goes to
    /// the part of the same number.
    #[must_use]
    pub fn into_parts(self, parts: usize) -> Vec<Self> {
        let mut dealt: Vec<Self> = (0..parts).map(|_| Self::default()).collect();
        for (word, count) in self.words {
            let part = fnv1a(word.as_bytes()) % parts as u64;
            dealt[part as usize].words.insert(word, count);
        }
        dealt
    }

    /// Writes the counts as text.
    pub fn print(&self, output: impl Write) -> io::Result<()> {
        let mut rows: Vec<(&String, &u64)> = self.words.iter().collect();
        rows.sort_by(|(word, count), (other, other_count)| {
            other_count.cmp(count).then_with(|| word.cmp(other))
        });
        let mut output = BufWriter::new(output);
        writeln!(output, "total\t{}", self.words.values().sum::<u64>())?;
        for (word, count) in rows {
            writeln!(output, "{word}\t{count}")?;
        }
        output.flush()
    }

    fn add(&mut self, word: &str, count: u64) {
        match self.words.get_mut(word) {
            Some(counted) => *counted += count,
            None => drop(self.words.insert(word.to_owned(), count)),
        }
    }
}

fn row(line: &str) -> Option<(&str, u64)> {
    let (word, count) = line.split_once('\t')?;
    Some((word, count.parse().ok()?))
}

fn broken(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A hash that is the same on every machine and in every release: the standard library's is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &[u8]) -> Counts {
        let mut counts = Counts::default();
        counts.add_text(text).expect("reads");
        counts
    }

    fn printed(counts: &Counts) -> String {
        let mut output = Vec::new();
        counts.print(&mut output).expect("writes");
        String::from_utf8(output).expect("is text")
    }

    #[test]
    fn the_total_comes_first_and_then_the_most_frequent() {
        assert_eq!(
            printed(&counted(b"b a\nB, c-d\n")),
            "total\t5\nb\t2\na\t1\nc\t1\nd\t1\n"
        );
    }

    #[test]
    fn no_words_make_a_total_of_nothing() {
        assert_eq!(printed(&counted(b" \n--\n")), "total\t0\n");
    }

    #[test]
    fn broken_text_ends_a_word() {
        assert_eq!(printed(&counted(b"ab\xffcd")), "total\t2\nab\t1\ncd\t1\n");
    }

    #[test]
    fn parts_put_together_are_the_whole() {
        let text = "One for all, and all for one: a total of 7 or 8 words, größer as İ.";
        for parts in [1, 2, 7] {
            let dealt = counted(text.as_bytes()).into_parts(parts);
            assert_eq!(dealt.len(), parts);
            let mut sum = Counts::default();
            for part in &dealt {
                sum.add_printed(printed(part).as_bytes()).expect("reads");
            }
            assert_eq!(sum, counted(text.as_bytes()));
        }
    }

    #[test]
    fn a_word_is_in_the_same_part_of_every_text() {
        let part_of = |text: &str| {
            let parts = counted(text.as_bytes()).into_parts(5);
            parts
                .iter()
                .position(|part| part.words.contains_key("licence"))
        };
        assert_eq!(part_of("The licence"), part_of("no licence, no copy"));
    }

    #[test]
    fn what_is_cut_or_no_count_is_refused() {
        for text in ["", "a\t1\n", "total\t2\na\t1\n", "total\t1\na one\n"] {
            let mut counts = Counts::default();
            assert!(counts.add_printed(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
