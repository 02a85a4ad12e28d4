//! Sets of network ports. Who holds which is the ledgers' business.

use std::{fmt, str::FromStr};

use crate::{ResourcesParseError, limit};

/// A run of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port, not below the first.
    pub last: u16,
}

/// A set of ports, kept as sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports(Vec<PortRange>);

impl Ports {
    /// The set of all ports in `ranges`; a range whose ends are swapped holds none.
    #[must_use]
    pub fn from_ranges(ranges: impl IntoIterator<Item = PortRange>) -> Self {
        let mut sorted: Vec<PortRange> = ranges
            .into_iter()
            .filter(|range| range.first <= range.last)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<PortRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(previous) if u32::from(range.first) <= u32::from(previous.last) + 1 => {
                    previous.last = previous.last.max(range.last);
                }
                Some(_) | None => merged.push(range),
            }
        }
        Self(merged)
    }

    /// The ranges, in order.
    #[must_use]
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many ports the set holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|range| u64::from(range.last - range.first) + 1)
            .sum()
    }

    /// The ports, from the lowest.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|range| range.first..=range.last)
    }

    /// Whether every port of `other` is in this set.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|wanted| {
            self.0
                .iter()
                .any(|range| range.first <= wanted.first && wanted.last <= range.last)
        })
    }

    /// Whether no port is in both sets.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.iter().all(|mine| {
            other
                .0
                .iter()
                .all(|theirs| mine.last < theirs.first || theirs.last < mine.first)
        })
    }

    /// The ports of both, if none is in both.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        self.is_disjoint(other)
            .then(|| Self::from_ranges(self.0.iter().chain(&other.0).copied()))
    }

    /// The ports of this set without those of `other`, if `other` is wholly in it.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        if !self.contains(other) {
            return None;
        }
        let mut rest = Vec::with_capacity(self.0.len() + other.0.len());
        for range in &self.0 {
            let mut next = u32::from(range.first);
            for hole in other
                .0
                .iter()
                .filter(|hole| hole.first >= range.first && hole.last <= range.last)
            {
                push_range(&mut rest, next, u32::from(hole.first));
                next = u32::from(hole.last) + 1;
            }
            push_range(&mut rest, next, u32::from(range.last) + 1);
        }
        Some(Self(rest))
    }
}

/// Adds the ports from `first` up to, not including, `end`, if there are any.
fn push_range(ranges: &mut Vec<PortRange>, first: u32, end: u32) {
    if let (true, Ok(first), Ok(last)) = (
        first < end,
        u16::try_from(first),
        u16::try_from(end.saturating_sub(1)),
    ) {
        ranges.push(PortRange { first, last });
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(formatter, "{separator}{}-{}", range.first, range.last)?;
        }
        Ok(())
    }
}

impl FromStr for Ports {
    type Err = ResourcesParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ResourcesParseError::Ports(text.chars().take(80).collect());
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first = first.trim().parse().map_err(|_| error())?;
            let last = last.trim().parse().map_err(|_| error())?;
            if first > last || first == 0 || ranges.len() == limit::PORT_RANGES {
                return Err(error());
            }
            ranges.push(PortRange { first, last });
        }
        Ok(Self::from_ranges(ranges))
    }
}
