//! Identifiers. Those that Stoker makes are `<kind>-` and 13 base32 characters of 64 random bits;
//! offers are numbered within an epoch; task ids are the framework's own words.
//!
//! Owns their text form and nothing else; making new ones is `IdGenerator`'s.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Epoch, limit};

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind} id: {expected}")]
pub struct IdParseError {
    /// What kind of id was expected: `framework`, `agent`, `offer`, …
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub text: String,
    /// What would be right.
    pub expected: &'static str,
}

impl IdParseError {
    fn new(kind: &'static str, text: &str, expected: &'static str) -> Self {
        Self {
            kind,
            text: text.chars().take(80).collect(),
            expected,
        }
    }
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const ENCODED_CHARACTERS: usize = 13;

fn encode(bits: u64) -> [u8; ENCODED_CHARACTERS] {
    let mut text = [0; ENCODED_CHARACTERS];
    for (position, character) in text.iter_mut().enumerate() {
        // The first character holds the top four bits, each further one five.
        let shift = 5 * (ENCODED_CHARACTERS - 1 - position);
        *character = ALPHABET[usize::from(((bits >> shift) & 31) as u8)];
    }
    text
}

fn decode(text: &str) -> Option<u64> {
    if text.len() != ENCODED_CHARACTERS {
        return None;
    }
    let mut bits: u64 = 0;
    for character in text.bytes() {
        let digit = ALPHABET
            .iter()
            .position(|&candidate| candidate == character)?;
        bits = bits.checked_mul(32)?.checked_add(digit as u64)?;
    }
    Some(bits)
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The id of these 64 random bits.
            #[must_use]
            pub const fn from_bits(bits: u64) -> Self {
                Self(bits)
            }

            /// The bits that the id was made of.
            #[must_use]
            pub const fn bits(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = encode(self.0);
                // The alphabet is ASCII.
                formatter.pad(concat!($kind, "-"))?;
                formatter.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($kind, "-")).and_then(decode).map(Self).ok_or_else(|| {
                    IdParseError::new($kind, text, concat!($kind, "- and 13 of a-z2-7"))
                })
            }
        }
    };
}

random_id!(
    /// An agent, for as long as its data directory lives; chosen by the agent, admitted by the master.
    AgentId,
    "agent"
);
random_id!(
    /// A framework, through every re-subscription of its scheduler.
    FrameworkId,
    "framework"
);
random_id!(
    /// One runner process of an agent.
    RunnerId,
    "runner"
);

/// An offer: the epoch that made it and its number there, so no offer outlives its master.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    /// The master's term that made the offer.
    pub epoch: Epoch,
    /// Counted from 1 within the epoch.
    pub number: u64,
}

impl fmt::Display for OfferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "offer-{}-{}", self.epoch.get(), self.number)
    }
}

impl fmt::Debug for OfferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for OfferId {
    type Err = IdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("offer-")
            .and_then(|numbers| numbers.split_once('-'))
            .and_then(|(epoch, number)| Some((epoch.parse().ok()?, number.parse().ok()?)))
            .map(|(epoch, number)| Self {
                epoch: Epoch::new(epoch),
                number,
            })
            .ok_or_else(|| IdParseError::new("offer", text, "offer-EPOCH-NUMBER"))
    }
}

/// A task, as its framework calls it: 1 to 128 characters of `[A-Za-z0-9._:-]`, no leading dot.
///
/// The set makes a task id safe as a file name and in a URL. It is unique within its framework
/// only: everywhere else the key is a [`TaskKey`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for TaskId {
    type Err = IdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
        let fits = (1..=limit::TASK_ID_BYTES).contains(&text.len());
        if fits && !text.starts_with('.') && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(IdParseError::new(
                "task",
                text,
                "1 to 128 characters of A-Z a-z 0-9 . _ : -, not starting with a dot",
            ))
        }
    }
}

/// A task in the cluster: its framework and the framework's own id for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// Whose task it is.
    pub framework_id: FrameworkId,
    /// What the framework calls it.
    pub task_id: TaskId,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.framework_id, self.task_id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_reads_as_its_kind_and_thirteen_characters() {
        assert_eq!(AgentId::from_bits(0).to_string(), "agent-aaaaaaaaaaaaa");
        assert_eq!(
            FrameworkId::from_bits(u64::MAX).to_string(),
            "framework-p777777777777"
        );
    }

    #[test]
    fn an_id_of_another_kind_is_refused_with_what_would_be_right() {
        let error = "agent-aaaaaaaaaaaaa".parse::<FrameworkId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"agent-aaaaaaaaaaaaa\" is no framework id: framework- and 13 of a-z2-7"
        );
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        assert!("agent-7777777777777".parse::<AgentId>().is_err());
    }

    #[test]
    fn a_task_id_cannot_lead_out_of_a_folder() {
        for text in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a b",
            "ä",
            &"x".repeat(129),
        ] {
            assert!(text.parse::<TaskId>().is_err(), "{text:?} was taken");
        }
        assert!("word-count_1.map:7".parse::<TaskId>().is_ok());
    }

    proptest! {
        #[test]
        fn ids_round_trip_through_their_text(bits: u64, epoch: u64, number: u64) {
            let agent = AgentId::from_bits(bits);
            prop_assert_eq!(agent.to_string().parse::<AgentId>(), Ok(agent));
            let offer = OfferId { epoch: Epoch::new(epoch), number };
            prop_assert_eq!(offer.to_string().parse::<OfferId>(), Ok(offer));
        }
    }
}
