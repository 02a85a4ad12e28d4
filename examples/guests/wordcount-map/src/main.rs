//! Counts the words of standard input: the map half of a word count. It reads line by line, so that its
//! memory holds the different words and one line, never the whole text.
//!
//! A word is a longest run of alphanumeric characters (Unicode's), each character put in lower case by
//! itself. Bytes that are not UTF-8 end a word. The first line of the output is `total<TAB>COUNT`; then
//! comes `WORD<TAB>COUNT` for each word, the most frequent first, equals in the order of the alphabet.

use std::collections::HashMap;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match count(io::stdin().lock()).and_then(|counts| print(&counts, io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wordcount-map: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How often each word occurs. A line's end ends a word too, so that lines can be counted one by one.
fn count(mut text: impl BufRead) -> io::Result<HashMap<String, u64>> {
    let mut counts = HashMap::new();
    let mut line = Vec::new();
    while text.read_until(b'\n', &mut line)? > 0 {
        for word in String::from_utf8_lossy(&line).split(|c: char| !c.is_alphanumeric()) {
            if !word.is_empty() {
                let word = word.chars().flat_map(char::to_lowercase).collect();
                *counts.entry(word).or_insert(0) += 1;
            }
        }
        line.clear();
    }
    Ok(counts)
}

fn print(counts: &HashMap<String, u64>, output: impl Write) -> io::Result<()> {
    let mut rows: Vec<(&String, u64)> = counts.iter().map(|(word, count)| (word, *count)).collect();
    rows.sort_by(|(word, count), (other, other_count)| {
        other_count.cmp(count).then_with(|| word.cmp(other))
    });
    let mut output = BufWriter::new(output);
    writeln!(
        output,
        "total\t{}",
        rows.iter().map(|(_, count)| count).sum::<u64>()
    )?;
    for (word, count) in rows {
        writeln!(output, "{word}\t{count}")?;
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &[u8]) -> String {
        let mut output = Vec::new();
        print(&count(text).expect("reads"), &mut output).expect("writes");
        String::from_utf8(output).expect("is text")
    }

    #[test]
    fn the_total_comes_first_and_then_the_most_frequent() {
        assert_eq!(
            printed(b"b a\nB, c-d\n"),
            "total\t5\nb\t2\na\t1\nc\t1\nd\t1\n"
        );
    }

    #[test]
    fn no_words_make_a_total_of_nothing() {
        assert_eq!(printed(b" \n--\n"), "total\t0\n");
    }

    #[test]
    fn broken_text_ends_a_word() {
        assert_eq!(printed(b"ab\xffcd"), "total\t2\nab\t1\ncd\t1\n");
    }
}
