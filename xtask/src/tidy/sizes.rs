//! How long a file may be. Tests do not count: they may be as long as they have to be.

use super::finding::Finding;
use super::source::Source;

/// Over this, a file is worth splitting.
const SOFT_CAP: usize = 400;
/// Over this, it has to be split.
const HARD_CAP: usize = 700;
const RIGHT: &str = "one concept to a file: move one of them to a file of its own";

pub(crate) fn check(source: &Source) -> Option<Finding> {
    if is_test(&source.path) {
        return None;
    }
    let lines = lines_without_tests(&source.text);
    let what = format!("{lines} lines without tests");
    if lines > HARD_CAP {
        Some(Finding::wrong(
            &source.path,
            lines,
            format!("{what}, over {HARD_CAP}"),
            RIGHT,
        ))
    } else if lines > SOFT_CAP {
        Some(Finding::told(
            &source.path,
            lines,
            format!("{what}, over {SOFT_CAP}"),
            RIGHT,
        ))
    } else {
        None
    }
}

fn is_test(path: &str) -> bool {
    let mut parts = path.split('/');
    let name = parts.next_back().unwrap_or_default();
    name == "tests.rs" || name.ends_with("_tests.rs") || parts.any(|folder| folder == "tests")
}

/// The lines up to the tests, which are the last thing in a file.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0].starts_with("#[cfg(test)]") && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Weight;
    use super::*;

    fn weight(path: &str, lines: usize, end: &str) -> Option<Weight> {
        let text = format!("{}{end}", "//! Line.\n".repeat(lines));
        check(&Source {
            path: path.to_owned(),
            text,
        })
        .map(|finding| finding.weight)
    }

    #[test]
    fn long_is_told_and_too_long_is_wrong() {
        assert_eq!(weight("a/b.rs", 400, ""), None);
        assert_eq!(weight("a/b.rs", 401, ""), Some(Weight::Told));
        assert_eq!(weight("a/b.rs", 701, ""), Some(Weight::Wrong));
    }

    #[test]
    fn tests_do_not_count() {
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    // x\n".repeat(800)
        );
        assert_eq!(weight("a/b.rs", 400, &tests), None);
        assert_eq!(weight("tests/e2e/tests/run.rs", 900, ""), None);
        assert_eq!(weight("a/src/offers_tests.rs", 900, ""), None);
    }

    #[test]
    fn a_declaration_of_tests_in_another_file_does_not_hide_the_rest() {
        let text = format!("#[cfg(test)]\nmod tests;\n{}", "// x\n".repeat(401));
        assert_eq!(weight("a/b.rs", 0, &text), Some(Weight::Told));
    }
}
