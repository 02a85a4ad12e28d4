//! A task's sandbox as readers see it: its streams, and the folder that is the guest's `.`.
//!
//! Owns how a place in it is named, and what is said of a file. Opening one is the agent's.

use std::{fmt, str::FromStr};

use crate::{Timestamp, agent::OutputStream, limit};

/// A place in a sandbox.
///
/// The guest's files have the names that the guest itself gives them, and its streams are beside
/// them as `stdout` and `stderr`. A guest's own file of such a name is written `./stdout`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SandboxPath {
    /// All of it: streams and files. Written as an empty text.
    Everything,
    /// What the task printed: `stdout` or `stderr`.
    Output(OutputStream),
    /// A path in the guest's folder, without `.` and `..`; empty for the folder itself, which is
    /// written `.`.
    Guest(String),
}

/// Why a text names no place in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxPathParseError {
    /// It is too long.
    #[error("a path of {0} bytes is too long: write at most {max}", max = limit::PATH_BYTES)]
    TooLong(usize),
    /// It leads out, or nowhere.
    #[error(
        "{0:?} is no path inside a sandbox: write a relative path without .., as in \
         results/words.txt"
    )]
    Elsewhere(String),
}

impl FromStr for SandboxPath {
    type Err = SandboxPathParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > limit::PATH_BYTES {
            return Err(SandboxPathParseError::TooLong(text.len()));
        }
        match text {
            "" => return Ok(Self::Everything),
            "." | "./" => return Ok(Self::Guest(String::new())),
            "stdout" => return Ok(Self::Output(OutputStream::Stdout)),
            "stderr" => return Ok(Self::Output(OutputStream::Stderr)),
            _ => {}
        }
        let path = text.strip_prefix("./").unwrap_or(text);
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_plain = |segment: &str| !matches!(segment, "" | "." | "..");
        if path.contains('\0') || !path.split('/').all(is_plain) {
            let cut = text.chars().take(100).collect();
            return Err(SandboxPathParseError::Elsewhere(cut));
        }
        Ok(Self::Guest(path.to_owned()))
    }
}

impl fmt::Display for SandboxPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => Ok(()),
            Self::Output(OutputStream::Stdout) => formatter.write_str("stdout"),
            Self::Output(OutputStream::Stderr) => formatter.write_str("stderr"),
            Self::Guest(path) => match path.as_str() {
                "" => formatter.write_str("."),
                "stdout" | "stderr" => write!(formatter, "./{path}"),
                path => formatter.write_str(path),
            },
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Bytes.
    File,
    /// Holds further ones.
    Directory,
    /// Neither, a link for example. It is shown and never followed.
    Other,
}

/// A file in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is, as a [`SandboxPath`] is written. A guest may nest files deeper than a path
    /// that can be asked for.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// In bytes; zero for what is no file.
    pub size: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> SandboxPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_has_one_text_and_people_may_write_it_in_others() {
        let guest = |path: &str| SandboxPath::Guest(path.to_owned());
        for (text, place, written) in [
            ("", SandboxPath::Everything, ""),
            (
                "stdout",
                SandboxPath::Output(OutputStream::Stdout),
                "stdout",
            ),
            (
                "stderr",
                SandboxPath::Output(OutputStream::Stderr),
                "stderr",
            ),
            (".", guest(""), "."),
            ("./", guest(""), "."),
            ("./stdout", guest("stdout"), "./stdout"),
            ("./out/", guest("out"), "out"),
            ("out/stdout", guest("out/stdout"), "out/stdout"),
            ("a..b/.hidden", guest("a..b/.hidden"), "a..b/.hidden"),
        ] {
            assert_eq!(parse(text), place, "{text:?}");
            assert_eq!(place.to_string(), written);
            assert_eq!(parse(written), place);
        }
    }

    #[test]
    fn a_path_that_leads_out_or_nowhere_is_refused() {
        for text in [
            "..",
            "../a",
            "a/../b",
            "/etc/passwd",
            "a//b",
            "a/./b",
            "././a",
            "/",
            "a\0",
        ] {
            let error = text.parse::<SandboxPath>().unwrap_err().to_string();
            assert!(error.contains("relative path"), "{text:?}: {error}");
        }
        let long = "a/".repeat(limit::PATH_BYTES);
        let error = long.parse::<SandboxPath>().unwrap_err().to_string();
        assert!(error.contains("at most 1024"), "{error}");
    }
}
