//! Roles: the names under which frameworks share a cluster.

use std::{fmt, str::FromStr, sync::Arc};

use crate::limit;

/// A role: a path of segments, each of `[a-z0-9_.-]+`, joined by `/`.
///
/// As in Mesos, a role is what fair shares, quotas and reservations are for; children of `a` are
/// `a/b` and `a/c`. A segment is never `.` or `..`, so a role is safe in a file path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

/// Why a text is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no role: one to {} characters, segments of a-z 0-9 _ . - joined by /",
    limit::ROLE_BYTES
)]
pub struct RoleParseError {
    /// What was given, cut to 80 characters.
    pub text: String,
}

impl Role {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Role {
    /// `default`, the role of those who name none.
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for Role {
    type Err = RoleParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-')
        };
        let segment_is_valid = |segment: &str| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(allowed)
        };
        if text.len() <= limit::ROLE_BYTES && text.split('/').all(segment_is_valid) {
            Ok(Self(text.into()))
        } else {
            Err(RoleParseError {
                text: text.chars().take(80).collect(),
            })
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn a_role_is_a_path_of_plain_segments() {
        for text in ["default", "a/b/c", "team-1/web_2.x"] {
            assert_eq!(text.parse::<Role>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "/",
            "a//b",
            "a/",
            "*",
            "Upper",
            "a/..",
            "a b",
            &"x".repeat(129),
        ] {
            assert!(text.parse::<Role>().is_err(), "{text:?} was taken");
        }
    }
}
