//! Spans of time as people write them: `500ms`, `2s`, `10min`.

use std::time::Duration;

/// Reads a span of time.
///
/// # Errors
/// A sentence that names the text and what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        format!("{text:?} is no time: write a number and a unit, as in 500ms, 2s or 10min")
    })
}

/// Writes a span of time for people, exactly: `1m 30s`.
#[must_use]
pub fn display(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(super::parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(super::parse("2s"), Ok(Duration::from_secs(2)));
        assert!(super::parse("soon").unwrap_err().contains("500ms"));
    }
}
