//! The checks that all conversions from the wire share: presence, texts, lists, paths, durations.

use std::{fmt::Display, str::FromStr, time::Duration};

use stoker_types::limit;

use super::error::{ConvertError, Under as _};

/// A value from its text form.
pub(super) fn parse<T>(text: &str) -> Result<T, ConvertError>
where
    T: FromStr,
    T::Err: Display,
{
    // The errors of `stoker_types` say what would be right themselves.
    text.parse()
        .map_err(|error: T::Err| ConvertError::new(error.to_string(), ""))
}

/// A value from its text form, or none from an empty text.
pub(super) fn parse_optional<T>(text: &str) -> Result<Option<T>, ConvertError>
where
    T: FromStr,
    T::Err: Display,
{
    if text.is_empty() {
        Ok(None)
    } else {
        parse(text).map(Some)
    }
}

/// The text form of a value; empty if there is none.
pub(super) fn write_optional<T: Display>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A message within another one that must be there.
pub(super) fn required<T>(value: Option<T>) -> Result<T, ConvertError> {
    value.ok_or_else(|| {
        ConvertError::new(
            "is missing, or of a kind that this version does not know",
            "",
        )
    })
}

/// A text of a peer as an error shows it: in quotes, without its control characters, cut.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

/// A list of at most `bound` entries, each converted.
pub(super) fn list<W, T>(
    entries: Vec<W>,
    field: &'static str,
    bound: usize,
    mut convert: impl FnMut(W) -> Result<T, ConvertError>,
) -> Result<Vec<T>, ConvertError> {
    check_count(entries.len(), bound).under(field)?;
    entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| convert(entry).at(field, index))
        .collect()
}

/// Whether a list of `count` entries is within its bound.
pub(super) fn check_count(count: usize, bound: usize) -> Result<(), ConvertError> {
    if count <= bound {
        return Ok(());
    }
    Err(ConvertError::new(
        format!("holds {count} entries"),
        format!("send at most {bound}"),
    ))
}

/// A text for people: at most `bound` bytes on one line.
pub(super) fn text(value: String, bound: usize) -> Result<String, ConvertError> {
    check_length(value.len(), bound)?;
    if value.chars().any(char::is_control) {
        return Err(ConvertError::new(
            format!("{} holds a control character", quoted(&value)),
            "write plain text on one line",
        ));
    }
    Ok(value)
}

/// A text for people that says something.
pub(super) fn filled_text(value: String, bound: usize) -> Result<String, ConvertError> {
    if value.is_empty() {
        return Err(ConvertError::new(
            "is empty",
            format!("write 1 to {bound} bytes"),
        ));
    }
    text(value, bound)
}

/// Whether a text of `length` bytes is within its bound.
pub(super) fn check_length(length: usize, bound: usize) -> Result<(), ConvertError> {
    if length <= bound {
        return Ok(());
    }
    Err(ConvertError::new(
        format!("is {length} bytes long"),
        format!("write at most {bound}"),
    ))
}

/// A text that a guest or a kernel takes as ending at its first zero byte.
pub(super) fn without_zero_bytes(value: String) -> Result<String, ConvertError> {
    if value.contains('\0') {
        return Err(ConvertError::new(
            "holds a zero byte",
            "write a text without zero bytes",
        ));
    }
    Ok(value)
}

/// A path inside a sandbox: relative, and leading nowhere else.
pub(super) fn sandbox_path(path: String) -> Result<String, ConvertError> {
    check_sandbox_path(&path)?;
    Ok(path)
}

/// Whether a text is a path inside a sandbox.
pub(super) fn check_sandbox_path(path: &str) -> Result<(), ConvertError> {
    check_length(path.len(), limit::PATH_BYTES)?;
    let is_plain = |segment: &str| !matches!(segment, "" | "." | "..");
    if path.contains('\0') || !path.split('/').all(is_plain) {
        return Err(ConvertError::new(
            format!("{} is no path inside a sandbox", quoted(path)),
            "write a relative path without . and .., as in results/words.txt",
        ));
    }
    Ok(())
}

/// A message for people; what is longer than the bound is cut, because it is no reason to lose it.
pub(super) fn message(mut text: String) -> String {
    if text.len() > limit::MESSAGE_BYTES {
        text.truncate(text.floor_char_boundary(limit::MESSAGE_BYTES));
    }
    text
}

/// A span of at most `bound_seconds`.
pub(super) fn bounded_millis(
    milliseconds: u64,
    bound_seconds: u64,
) -> Result<Duration, ConvertError> {
    let duration = Duration::from_millis(milliseconds);
    if duration > Duration::from_secs(bound_seconds) {
        return Err(ConvertError::new(
            format!("{milliseconds} ms is too long"),
            format!("write at most {} days", bound_seconds / (24 * 3600)),
        ));
    }
    Ok(duration)
}

/// The time that a task may take to end.
pub(super) fn grace(milliseconds: u64) -> Result<Duration, ConvertError> {
    let grace = Duration::from_millis(milliseconds);
    if grace > Duration::from_secs(limit::KILL_GRACE_SECONDS) {
        return Err(ConvertError::new(
            format!("{milliseconds} ms is too long"),
            format!("write at most {} s", limit::KILL_GRACE_SECONDS),
        )
        .under("grace_ms"));
    }
    Ok(grace)
}

/// Whole milliseconds, rounded up, so that what is not zero stays so.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Nanoseconds; 584 years at the most.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
