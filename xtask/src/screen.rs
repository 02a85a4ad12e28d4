//! Everything that xtask prints, and how it looks. Colour only on a terminal, and never anything that
//! moves the cursor. It never decides what to say.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether standard output is somebody else's.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// From now on everything goes to standard error: a program that we run has standard output for itself.
pub(crate) fn talk_to_standard_error() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// A line of text for the person who called. A reader that has gone is no reason to stop working.
pub(crate) fn line(text: &str) {
    if IS_QUIET.load(Ordering::Relaxed) {
        complaint(text);
    } else {
        put(io::stdout().lock(), text);
    }
}

/// A line that someone has to act on.
pub(crate) fn complaint(text: &str) {
    put(io::stderr().lock(), text);
}

fn put(mut stream: impl Write, text: &str) {
    // Tests look at values, and what they print is read as theirs.
    if !cfg!(test) {
        // The exit code still tells how it went.
        drop(writeln!(stream, "{text}"));
    }
}

/// A heading that starts a screen, with a rule under it.
pub(crate) fn title(text: &str) {
    line(&format!(
        "\n{}\n{}",
        bold(text),
        "=".repeat(text.chars().count())
    ));
}

pub(crate) fn bold(text: &str) -> String {
    coloured(text, "1")
}

pub(crate) fn green(text: &str) -> String {
    coloured(text, "32")
}

pub(crate) fn red(text: &str) -> String {
    coloured(text, "31")
}

fn coloured(text: &str, code: &str) -> String {
    if io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// A duration as people say it: `0.04 s`, `12.3 s`, `3 min 08 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else if seconds >= 1 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

/// A number with its thousands apart: `1 234 567`.
pub(crate) fn grouped(number: u64) -> String {
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
    fn durations_read_well_at_every_size() {
        assert_eq!(duration(Duration::from_millis(42)), "0.04 s");
        assert_eq!(duration(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(188)), "3 min 08 s");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1000), "1 000");
        assert_eq!(grouped(1_234_567), "1 234 567");
    }
}
