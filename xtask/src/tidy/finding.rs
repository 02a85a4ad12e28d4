//! What a rule has found: where, what, and what would be right. It never decides what happens then.

use std::fmt;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Worth telling.
    Told,
    /// To be put right.
    Wrong,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// `path:line`, so that an editor can jump there.
    pub(crate) place: String,
    pub(crate) weight: Weight,
    what: String,
    right: String,
}

impl Finding {
    /// `what` is wrong in that line; `right` is what would be right.
    pub(crate) fn wrong(path: &str, line: usize, what: String, right: &str) -> Self {
        Self {
            place: format!("{path}:{line}"),
            weight: Weight::Wrong,
            what,
            right: right.to_owned(),
        }
    }

    /// Worth telling, and no failure.
    pub(crate) fn told(path: &str, line: usize, what: String, right: &str) -> Self {
        Self {
            weight: Weight::Told,
            ..Self::wrong(path, line, what, right)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = if self.weight == Weight::Told {
            " (only told)"
        } else {
            ""
        };
        write!(
            formatter,
            "{}: {}; right: {}{told}",
            self.place, self.what, self.right
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_says_what_would_be_right() {
        let finding = Finding::wrong("a.rs", 3, "is bad".to_owned(), "be good");
        assert_eq!(finding.to_string(), "a.rs:3: is bad; right: be good");
        let finding = Finding::told("a.rs", 3, "is bad".to_owned(), "be good");
        assert_eq!(
            finding.to_string(),
            "a.rs:3: is bad; right: be good (only told)"
        );
    }
}
