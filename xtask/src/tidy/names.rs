//! File and folder names: the words of the field, and none that could mean anything.

use super::finding::Finding;

/// A word that no name may have, but for the places where it is the right one.
#[derive(Debug)]
struct Banned {
    word: &'static str,
    right: &'static str,
    allowed_in: &'static [&'static str],
}

const fn banned(word: &'static str, right: &'static str) -> Banned {
    Banned {
        word,
        right,
        allowed_in: &[],
    }
}

const ANYTHING: &str = "a name that says what is in it";

const BANNED: [Banned; 10] = [
    banned("common", ANYTHING),
    banned("helper", ANYTHING),
    banned("manager", "what it does, or what it owns"),
    banned("misc", ANYTHING),
    banned("node", "agent"),
    banned("slave", "agent"),
    banned("util", ANYTHING),
    Banned {
        word: "app",
        right: "framework or task",
        allowed_in: &["services"],
    },
    Banned {
        word: "job",
        right: "task",
        allowed_in: &["jobs", "job", "job.rs", "jobs.rs"],
    },
    Banned {
        word: "worker",
        right: "agent or runner",
        allowed_in: &["runner"],
    },
];

/// Words that say nothing at the end of a name.
const BANNED_ENDINGS: [&str; 2] = ["data", "info"];

pub(crate) fn check(path: &str) -> Vec<Finding> {
    let parts: Vec<&str> = path.split('/').collect();
    parts
        .iter()
        .filter_map(|part| check_part(path, part, &parts))
        .collect()
}

fn check_part(path: &str, part: &str, parts: &[&str]) -> Option<Finding> {
    let stem = part
        .split('.')
        .find(|piece| !piece.is_empty())
        .unwrap_or_default()
        .to_lowercase();
    let words: Vec<&str> = stem.split(['_', '-']).collect();
    for banned in &BANNED {
        let allowed = parts.iter().any(|part| banned.allowed_in.contains(part));
        if !allowed && words.iter().any(|word| is_word(word, banned.word)) {
            let what = format!("`{part}` has the word `{}` in it", banned.word);
            return Some(Finding::wrong(path, 1, what, banned.right));
        }
    }
    let last = words.last().filter(|last| BANNED_ENDINGS.contains(last))?;
    Some(Finding::wrong(
        path,
        1,
        format!("`{part}` ends in `{last}`"),
        ANYTHING,
    ))
}

/// The word itself, or many of it.
fn is_word(word: &str, banned: &str) -> bool {
    word == banned || word.strip_suffix('s') == Some(banned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_mean_anything_are_found() {
        for path in [
            "a/utils.rs",
            "a/task_manager.rs",
            "a/common/mod.rs",
            "a/task_info.rs",
        ] {
            assert_eq!(check(path).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_word_within_a_word_is_another_word() {
        for path in [
            "master/src/applied.rs",
            "a/mutilate.rs",
            "agent/src/database.rs",
            ".ci/run",
        ] {
            assert!(check(path).is_empty(), "{path}");
        }
    }

    #[test]
    fn some_words_are_right_in_their_place() {
        assert!(check("frameworks/jobs/src/job.rs").is_empty());
        assert!(check("agent/runner/src/workers.rs").is_empty());
        assert_eq!(check("master/src/worker.rs").len(), 1);
    }
}
