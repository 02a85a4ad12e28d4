//! What is printed in the end. Owns its form; prints nothing itself.

use std::{fmt::Write as _, time::Duration};

use stoker_sdk_scheduler::size;

use crate::{counts::Counts, reading::Reading, tally::Tally};

/// All that there is to tell.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) counts: &'a Counts,
    pub(crate) reading: &'a Reading,
    pub(crate) tally: &'a Tally,
    pub(crate) took: Duration,
    /// How many words to list.
    pub(crate) top: usize,
}

impl Report<'_> {
    /// The most frequent words, a line each, and the sums.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |count: u64, what: &str| {
            // Writing to a String cannot fail.
            let _infallible = writeln!(text, "{:>13}  {what}", grouped(count));
        };
        for (word, count) in self.counts.top(self.top) {
            line(count, word);
        }
        let different = grouped(self.counts.different() as u64);
        let (texts, bytes) = (self.reading.texts, size::display(self.reading.bytes));
        line(
            self.counts.total(),
            &format!("words in all, {different} different ones, in {texts} texts ({bytes})"),
        );
        let ((maps, _), (reductions, _)) = (self.tally.maps, self.tally.reductions);
        let again = self.tally.launched_again();
        let again = again.unwrap_or_else(|| "none".to_owned());
        let took = self.took.as_secs_f64();
        line(
            (maps + reductions) as u64,
            &format!(
                "tasks ({maps} map, {reductions} reduce) in {took:.1} s; launched again: {again}"
            ),
        );
        text
    }
}

/// A number with its thousands apart: `1 234 567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_comes_first_and_then_the_sums() {
        let mut counts = Counts::default();
        counts.add_text(&"the ".repeat(1000));
        counts.add_text("end");
        let reading = Reading {
            texts: 2,
            bytes: 4003,
            ..Reading::default()
        };
        let tally = Tally {
            maps: (3, 3),
            reductions: (2, 2),
            ..Tally::default()
        };
        let report = Report {
            counts: &counts,
            reading: &reading,
            tally: &tally,
            took: Duration::from_millis(1234),
            top: 1,
        };
        assert_eq!(
            report.text(),
            "        1 000  the\n        1 001  words in all, 2 different ones, in 2 texts (3.9 KiB)\n            \
             5  tasks (3 map, 2 reduce) in 1.2 s; launched again: none\n"
        );
    }
}
