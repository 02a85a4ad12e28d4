//! Small pieces of text for tables: ages, amounts, ids. Pure.

use std::time::Duration;

/// How long ago `at` was, in one or two units: `5s`, `3m 20s`, `2d 4h`.
pub(crate) fn age(now: jiff::Timestamp, at: jiff::Timestamp) -> String {
    let elapsed = now.duration_since(at);
    let seconds = u64::try_from(elapsed.as_secs()).unwrap_or(0);
    let text = stoker_types::duration::display(Duration::from_secs(seconds));
    let units: Vec<&str> = text.split(' ').take(2).collect();
    units.join(" ")
}

/// A vector of resources on one line, without what is zero.
pub(crate) fn resources(resources: &stoker_proto::json::Resources) -> String {
    stoker_types::Resources::from(resources.clone()).to_string()
}

/// The text on one line, without what a terminal would obey: names and messages may stem from
/// someone else's program.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// The value, or a dash where there is none.
pub(crate) fn or_dash(value: Option<&str>) -> String {
    value
        .filter(|text| !text.is_empty())
        .unwrap_or("-")
        .to_owned()
}

/// The first characters of an id of Stoker's own, enough to tell it from others: its kind and
/// eight of its thirteen. Commands take any unique prefix.
pub(crate) fn short_id(id: &str) -> String {
    const KEPT: usize = 8;
    match id.rsplit_once('-') {
        Some((kind, code)) if code.len() > KEPT && code.is_ascii() => {
            format!("{kind}-{}", &code[..KEPT])
        }
        Some(_) | None => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_at_most_two_units() {
        let then = jiff::Timestamp::from_second(1_000_000).unwrap();
        let after = |seconds: i64| jiff::Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert_eq!(age(after(5), then), "5s");
        assert_eq!(age(after(3 * 3600 + 61), then), "3h 1m");
        assert_eq!(age(then, after(9)), "0s");
    }

    #[test]
    fn a_terminal_s_escapes_are_taken_out() {
        assert_eq!(printable("trap\n at \u{1b}[31mred"), "trap  at  [31mred");
    }

    #[test]
    fn a_short_id_is_a_prefix_of_the_id() {
        let id = "framework-abcdefghijklm";
        assert!(id.starts_with(&short_id(id)));
        assert_eq!(short_id("word-count"), "word-count");
    }
}
