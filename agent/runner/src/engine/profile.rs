//! The two ways in which a runner lays out its guests' memories.

use std::{fmt, fs, str::FromStr};

use rustix::process::{Resource, getrlimit};

/// Machines with less memory than this run the small profile, unless told.
const LARGE_FROM_BYTES: u64 = 2 << 30;

/// How guests' memories are laid out: part of the key of compiled code, which depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryProfile {
    /// A pool of slots with 4 GiB of address space each: the fastest code and launches.
    Large,
    /// Memories on demand with 32 MiB of address space each, which may move as they grow: for
    /// machines with little memory, or with a bound on address space.
    Small,
}

impl MemoryProfile {
    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Small => "small",
        }
    }

    /// What suits this machine and the limits of this process.
    #[must_use]
    pub fn detect() -> Self {
        let address_space_is_bounded = getrlimit(Resource::As).current.is_some();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self::suiting(address_space_is_bounded, memory_total(&meminfo))
    }

    fn suiting(address_space_is_bounded: bool, memory_bytes: Option<u64>) -> Self {
        let has_memory = memory_bytes.is_none_or(|bytes| bytes >= LARGE_FROM_BYTES);
        if has_memory && !address_space_is_bounded {
            Self::Large
        } else {
            Self::Small
        }
    }
}

/// The `MemTotal` of `/proc/meminfo`, in bytes.
fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

impl fmt::Display for MemoryProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A text that names no memory profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no memory profile: write large or small")]
pub struct UnknownMemoryProfile(String);

impl FromStr for MemoryProfile {
    type Err = UnknownMemoryProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "large" => Ok(Self::Large),
            "small" => Ok(Self::Small),
            other => Err(UnknownMemoryProfile(other.chars().take(80).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_or_bounded_address_space_makes_the_profile_small() {
        let mem_total = memory_total("MemTotal:        4194304 kB\nMemFree: 1 kB\n");
        assert_eq!(mem_total, Some(4 << 30));
        assert_eq!(
            MemoryProfile::suiting(false, mem_total),
            MemoryProfile::Large
        );
        assert_eq!(
            MemoryProfile::suiting(true, mem_total),
            MemoryProfile::Small
        );
        assert_eq!(
            MemoryProfile::suiting(false, Some(1 << 30)),
            MemoryProfile::Small
        );
        assert_eq!(MemoryProfile::suiting(false, None), MemoryProfile::Large);
    }

    #[test]
    fn a_profile_reads_back() {
        for profile in [MemoryProfile::Large, MemoryProfile::Small] {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        let error = "huge".parse::<MemoryProfile>().unwrap_err();
        assert!(error.to_string().contains("large or small"), "{error}");
    }
}
