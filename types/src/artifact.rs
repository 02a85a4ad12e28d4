//! What tasks are made of: content digests and references to modules.
//!
//! Owns their text form. Computing, fetching and storing are the artifact stores' business.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::limit;

/// A SHA-256 digest: the name of a blob, `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no digest: write sha256: and 64 hexadecimal digits")]
pub struct DigestParseError {
    /// What was given, cut to 100 characters.
    pub text: String,
}

impl Digest {
    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(content).into())
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits without the `sha256:`: a file name.
    #[must_use]
    pub fn to_hex(&self) -> String {
        use fmt::Write as _;
        self.0
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                // Writing to a String cannot fail.
                let _infallible = write!(text, "{byte:02x}");
                text
            })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || DigestParseError {
            text: text.chars().take(100).collect(),
        };
        let digits = text.strip_prefix("sha256:").ok_or_else(error)?;
        let is_lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 64 || !digits.bytes().all(is_lower_hex) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

/// Where the Wasm of a task comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleReference {
    /// `blob:sha256:…`: uploaded to the master's blob store; the digest is its identity.
    Blob(Digest),
    /// `file:/absolute/path`: on the agent's own disk, read when the task is launched.
    File(PathBuf),
}

/// Why a text is no module reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleReferenceParseError {
    /// The digest behind `blob:` is none.
    #[error("{0}, behind blob:")]
    Digest(#[from] DigestParseError),
    /// The path behind `file:` is not absolute, too long, or holds a zero byte.
    #[error("{0:?} is no path for a module: write file: and an absolute path")]
    Path(String),
    /// No scheme that is known.
    #[error("{0:?} is no module reference: write blob:sha256:… or file:/absolute/path")]
    Scheme(String),
}

impl FromStr for ModuleReference {
    type Err = ModuleReferenceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(digest) = text.strip_prefix("blob:") {
            return Ok(Self::Blob(digest.parse()?));
        }
        let cut = || text.chars().take(100).collect();
        let Some(path) = text.strip_prefix("file:") else {
            return Err(ModuleReferenceParseError::Scheme(cut()));
        };
        if !path.starts_with('/') || path.len() > limit::PATH_BYTES || path.contains('\0') {
            return Err(ModuleReferenceParseError::Path(cut()));
        }
        Ok(Self::File(path.into()))
    }
}

impl fmt::Display for ModuleReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(digest) => write!(formatter, "blob:{digest}"),
            Self::File(path) => write!(formatter, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_is_that_of_the_standard() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
    }

    #[test]
    fn a_digest_of_another_shape_is_refused() {
        let upper = EMPTY.to_uppercase();
        for text in ["", "sha256:", "sha256:ab", "md5:00", upper.as_str()] {
            assert!(text.parse::<Digest>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_module_reference_round_trips_and_says_what_would_be_right() {
        for text in [format!("blob:{EMPTY}"), "file:/srv/hello.wasm".to_owned()] {
            assert_eq!(text.parse::<ModuleReference>().unwrap().to_string(), text);
        }
        let error = "hello.wasm".parse::<ModuleReference>().unwrap_err();
        assert!(error.to_string().contains("file:/absolute/path"), "{error}");
        assert!("file:relative".parse::<ModuleReference>().is_err());
    }
}
