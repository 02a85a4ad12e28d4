//! Turns a trap into a message: what a guest chose to call its functions is escaped and cut.

use std::fmt::Write as _;

use stoker_types::limit::MESSAGE_BYTES;
use wasmtime::WasmBacktrace;

/// The characters of one function's name that are shown.
const NAME_CHARACTERS: usize = 120;

/// The message of a trap: what happened, then the frames from the innermost outwards.
pub(super) fn of_trap(what: &str, backtrace: Option<&WasmBacktrace>) -> String {
    let mut text = escaped(what);
    for frame in backtrace.map(WasmBacktrace::frames).unwrap_or_default() {
        let name = frame.func_name().map_or_else(
            || format!("function {}", frame.func_index()),
            |name| escaped(&name.chars().take(NAME_CHARACTERS).collect::<String>()),
        );
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n  at {name}");
        if let Some(offset) = frame.module_offset() {
            let _infallible = write!(text, " (+{offset:#x})");
        }
    }
    cut(text)
}

/// The text without control characters, at most [`MESSAGE_BYTES`] long. Line ends stay.
pub(super) fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    cut(clean)
}

/// The text, cut to [`MESSAGE_BYTES`] at a character's end.
fn cut(mut text: String) -> String {
    let mut end = text.len().min(MESSAGE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_commands_in_a_name_are_shown_and_not_sent() {
        assert_eq!(escaped("a\u{1b}[31mred\n"), "a\\u{1b}[31mred\n");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let text = escaped(&"ä".repeat(MESSAGE_BYTES));
        assert_eq!(text.len(), MESSAGE_BYTES);
        let text = escaped(&format!("x{}", "ä".repeat(MESSAGE_BYTES)));
        assert_eq!(text.len(), MESSAGE_BYTES - 1);
    }
}
