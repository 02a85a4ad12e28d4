//! Amounts in thousandths: what is sold in parts. Never a float.

use std::{fmt, str::FromStr};

/// Thousandths of something that is sold in parts: cpus, or millions of fuel units a second.
///
/// Three decimals, as in Mesos, and never a float: sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Milli(u64);

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no amount: write a number with up to three decimals, as in 0.25")]
pub struct MilliParseError {
    /// What was given, cut to 40 characters.
    pub text: String,
}

impl Milli {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `thousandths` of one.
    #[must_use]
    pub const fn from_thousandths(thousandths: u64) -> Self {
        Self(thousandths)
    }

    /// `whole` ones; the largest amount if that is past it.
    #[must_use]
    pub const fn from_whole(whole: u64) -> Self {
        Self(whole.saturating_mul(1000))
    }

    /// The number of thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u64 {
        self.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, unless it is past the largest amount.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The sum; the largest amount if it is past that.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left without `other`, if that much is there.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// This many times `factor`; the largest amount if that is past it.
    #[must_use]
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl fmt::Display for Milli {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / 1000, self.0 % 1000);
        if thousandths == 0 {
            return write!(formatter, "{whole}");
        }
        let decimals = format!("{thousandths:03}");
        write!(formatter, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Milli {
    type Err = MilliParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || MilliParseError {
            text: text.chars().take(40).collect(),
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let has_digits = !(whole.is_empty() && decimals.is_empty());
        if !has_digits || !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
            return Err(error());
        }
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| error())?
        };
        let thousandths: u64 = format!("{decimals:0<3}").parse().map_err(|_| error())?;
        whole
            .checked_mul(1000)
            .and_then(|sum| sum.checked_add(thousandths))
            .map(Self)
            .ok_or_else(error)
    }
}
