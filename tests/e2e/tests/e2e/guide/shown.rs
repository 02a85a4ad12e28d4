//! Whether a page shows what a command prints.
//!
//! Owns what `…` means.

/// What stands for anything.
const ANYTHING: &str = "…";

/// Whether `printed` is what `shown` shows.
pub(super) fn is_shown(shown: &[String], printed: &[String]) -> bool {
    let Some((first, rest)) = shown.split_first() else {
        return printed.is_empty();
    };
    if first == ANYTHING {
        return (0..=printed.len()).any(|skipped| is_shown(rest, &printed[skipped..]));
    }
    let Some((line, more)) = printed.split_first() else {
        return false;
    };
    is_like(&squeezed(first), &squeezed(line)) && is_shown(rest, more)
}

/// Whether what is printed until now begins with all that is shown.
pub(super) fn begins_as_shown(shown: &[String], printed: &[String]) -> bool {
    let mut shown = shown.to_vec();
    shown.push(ANYTHING.to_owned());
    is_shown(&shown, printed)
}

/// Whether `line` is `pattern`, in which `…` is any text.
fn is_like(pattern: &str, line: &str) -> bool {
    let Some((start, pattern)) = pattern.split_once(ANYTHING) else {
        return pattern == line;
    };
    let Some(line) = line.strip_prefix(start) else {
        return false;
    };
    let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    ends.any(|at| is_like(pattern, &line[at..]))
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_varies_is_marked_and_nothing_else_may_vary() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let check = |shown, printed| is_shown(&lines(shown), &lines(printed));
    assert!(check("a-…  b", "a-xyz b"));
    assert!(check("a-… …s b", "a-xyz    12s  b"));
    assert!(!check("a-…  b", "a-xyz c"));
    assert!(!check("a", "a\nb"));
    assert!(!check("a\nb", "a"));
    assert!(check("a\n…\nd", "a\nb\nc\nd") && check("a\n…\nd", "a\nd"));
    assert!(!check("a\n…\nd", "a\nb\nc"));
    assert!(!check("", "a") && check("", ""));
    assert!(begins_as_shown(&lines("a\nb"), &lines("a\nb\nc")));
    assert!(!begins_as_shown(&lines("a\nb"), &lines("a")));
}
