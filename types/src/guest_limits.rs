//! What a guest may take from its host, beside what its task asks for: names, defaults and ranges,
//! all in this place.
//!
//! Owns the list that an operator sets, a daemon passes on and a runner enforces; enforces nothing.
//! Each bound, its reason and who tries it: `docs/SECURITY.md`.

use std::time::Duration;

use crate::{duration, limit, size};

/// The bounds of every guest of an agent. A task's own limits may only be narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GuestLimits {
    /// The wall time of a task, in milliseconds; [`GuestLimits::NONE`] for any.
    pub wall_time_millis: u64,
    /// The fuel of a task in all, in units; [`GuestLimits::NONE`] for any.
    pub fuel_budget: u64,
    /// The most that a task may ask for as its `output` limit, in bytes.
    pub output_bytes: u64,
    /// What is kept of the output of a task that sets no limit to it, in bytes.
    pub output_kept_bytes: u64,
    /// What stdout and stderr of a task may pass together, in bytes a second,
    pub output_rate_bytes: u64,
    /// and at once after a pause, in bytes.
    pub output_burst_bytes: u64,
    /// The files, directories and links of a task, its inputs among them, whatever its disk.
    pub files: u64,
    /// The guest's own stack, in bytes.
    pub stack_bytes: u64,
    /// The frames that a trap's message names.
    pub backtrace_frames: u64,
    /// The functions of a module.
    pub functions: u64,
    /// The tables of a module,
    pub tables: u64,
    /// and the elements of each.
    pub table_elements: u64,
    /// What one host call may copy, in bytes.
    pub host_call_bytes: u64,
    /// What one call may ask for in random bytes.
    pub random_bytes: u64,
    /// The descriptors and other objects of the host that a guest holds at once.
    pub descriptors: u64,
    /// The subscriptions of one poll; each takes a descriptor meanwhile.
    pub subscriptions: u64,
}

/// No bound.
const NONE: u64 = GuestLimits::NONE;

/// As many files as inputs may have, and the same again for what the task makes. A file system has
/// a fixed number of inodes, often one for each 16 KiB, and who takes the last takes it from all.
const FILES: u64 = 2 * limit::TAR_ENTRIES as u64;

/// How a bound is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Count,
    /// A count, or `none`.
    OptionalCount,
    /// A time, or `none`.
    OptionalTime,
}

struct Entry {
    name: &'static str,
    unit: Unit,
    least: u64,
    most: u64,
    at: fn(&mut GuestLimits) -> &mut u64,
}

const fn entry(
    name: &'static str,
    unit: Unit,
    (least, most): (u64, u64),
    at: fn(&mut GuestLimits) -> &mut u64,
) -> Entry {
    Entry {
        name,
        unit,
        least,
        most,
        at,
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const ANY: (u64, u64) = (1, NONE);

const ENTRIES: [Entry; 16] = [
    entry("wall_time", Unit::OptionalTime, ANY, |limits| {
        &mut limits.wall_time_millis
    }),
    entry("fuel_budget", Unit::OptionalCount, ANY, |limits| {
        &mut limits.fuel_budget
    }),
    entry("output", Unit::Bytes, ANY, |limits| {
        &mut limits.output_bytes
    }),
    entry("output_kept", Unit::Bytes, (64 * KIB, NONE), |limits| {
        &mut limits.output_kept_bytes
    }),
    entry("output_rate", Unit::Bytes, ANY, |limits| {
        &mut limits.output_rate_bytes
    }),
    entry("output_burst", Unit::Bytes, (64 * KIB, NONE), |limits| {
        &mut limits.output_burst_bytes
    }),
    entry("files", Unit::Count, (1, NONE), |limits| &mut limits.files),
    entry("stack", Unit::Bytes, (64 * KIB, 8 * MIB), |limits| {
        &mut limits.stack_bytes
    }),
    entry("backtrace_frames", Unit::Count, (1, 64), |limits| {
        &mut limits.backtrace_frames
    }),
    entry("functions", Unit::Count, (1, 1_000_000), |limits| {
        &mut limits.functions
    }),
    entry("tables", Unit::Count, (1, 100), |limits| &mut limits.tables),
    entry("table_elements", Unit::Count, (1, 10_000_000), |limits| {
        &mut limits.table_elements
    }),
    // A read or write moves up to half of the least.
    entry("host_call", Unit::Bytes, (MIB, 1 << 30), |limits| {
        &mut limits.host_call_bytes
    }),
    entry("random", Unit::Bytes, (256, 64 * MIB), |limits| {
        &mut limits.random_bytes
    }),
    // Three streams, two folders, and some.
    entry("descriptors", Unit::Count, (16, 100_000), |limits| {
        &mut limits.descriptors
    }),
    entry("subscriptions", Unit::Count, (1, 100_000), |limits| {
        &mut limits.subscriptions
    }),
];

impl Default for GuestLimits {
    fn default() -> Self {
        Self {
            wall_time_millis: NONE,
            fuel_budget: NONE,
            output_bytes: 1 << 30,
            output_kept_bytes: 64 * MIB,
            output_rate_bytes: 8 * MIB,
            output_burst_bytes: 4 * MIB,
            files: FILES,
            stack_bytes: 256 * KIB,
            backtrace_frames: 16,
            functions: 100_000,
            tables: 4,
            table_elements: 1 << 17,
            host_call_bytes: MIB,
            random_bytes: 64 * KIB,
            descriptors: 256,
            subscriptions: 128,
        }
    }
}

impl GuestLimits {
    /// No bound, for those that may have none.
    pub const NONE: u64 = u64::MAX;

    /// All bounds: the name and the value of each, as [`set`](Self::set) takes them.
    #[must_use]
    pub fn texts(mut self) -> Vec<(&'static str, String)> {
        let text = |entry: &Entry| (entry.name, entry.unit.text(*(entry.at)(&mut self)));
        ENTRIES.iter().map(text).collect()
    }

    /// Those that differ from the defaults, as the flags of a program: `--limit NAME=VALUE` each.
    #[must_use]
    pub fn flags(self) -> Vec<String> {
        let changes = self.changes().into_iter();
        changes
            .flat_map(|change| ["--limit".to_owned(), change])
            .collect()
    }

    /// Those that differ from the defaults, as `NAME=VALUE`.
    #[must_use]
    pub fn changes(self) -> Vec<String> {
        let defaults = Self::default().texts();
        self.texts()
            .into_iter()
            .zip(defaults)
            .filter(|(mine, default)| mine != default)
            .map(|((name, value), _)| format!("{name}={value}"))
            .collect()
    }

    /// Sets the bound of this name.
    ///
    /// # Errors
    /// A sentence: what is wrong with the name or the value, and what would be right.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
            let names: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
            let cut: String = name.chars().take(80).collect();
            return Err(format!(
                "{cut:?} is no limit: there are {}",
                names.join(", ")
            ));
        };
        let value = entry.unit.parse(text)?;
        if value < entry.least || value > entry.most {
            return Err(format!(
                "{name} = {text}: write {} to {}",
                entry.unit.text(entry.least),
                entry.unit.text(entry.most)
            ));
        }
        *(entry.at)(self) = value;
        Ok(())
    }

    /// Sets what [`changes`](Self::changes) wrote.
    ///
    /// # Errors
    /// As [`set`](Self::set), or if there is no `=`.
    pub fn change(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is no limit: write NAME=VALUE"))?;
        self.set(name, value)
    }

    /// The wall time of a task that asks for `asked`.
    #[must_use]
    pub fn wall_time(&self, asked: Option<Duration>) -> Option<Duration> {
        let most =
            (self.wall_time_millis != NONE).then(|| Duration::from_millis(self.wall_time_millis));
        narrower(most, asked)
    }

    /// The fuel budget of a task that asks for `asked`.
    #[must_use]
    pub fn fuel_budget(&self, asked: Option<u64>) -> Option<u64> {
        narrower(
            (self.fuel_budget != NONE).then_some(self.fuel_budget),
            asked,
        )
    }

    /// The output limit of a task that asks for `asked`: one that asks for none has none.
    #[must_use]
    pub fn output(&self, asked: Option<u64>) -> Option<u64> {
        asked.map(|asked| asked.min(self.output_bytes))
    }
}

/// The narrower of two bounds, either of which may be absent.
fn narrower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Unit {
    fn parse(self, text: &str) -> Result<u64, String> {
        let count = || {
            text.parse().map_err(|_| {
                let cut: String = text.chars().take(80).collect();
                format!("{cut:?} is no number: write digits only")
            })
        };
        match self {
            Self::Bytes => size::parse(text),
            Self::Count => count(),
            Self::OptionalCount | Self::OptionalTime if text == "none" => Ok(NONE),
            Self::OptionalCount => count(),
            Self::OptionalTime => {
                let millis = duration::parse(text)?.as_millis();
                Ok(u64::try_from(millis).unwrap_or(NONE))
            }
        }
    }

    fn text(self, value: u64) -> String {
        match self {
            Self::OptionalCount | Self::OptionalTime if value == NONE => "none".to_owned(),
            Self::OptionalTime => duration::display(Duration::from_millis(value)),
            Self::Bytes => size::exact(value),
            Self::Count | Self::OptionalCount => value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bounds_read_back_and_only_changes_are_passed_on() {
        let mut limits = GuestLimits::default();
        assert!(limits.changes().is_empty());
        for (name, value) in GuestLimits::default().texts() {
            limits.set(name, &value).unwrap();
        }
        assert_eq!(limits, GuestLimits::default());
        limits.set("wall_time", "90s").unwrap();
        limits.set("stack", "1MiB").unwrap();
        limits.set("functions", "7").unwrap();
        let changes = limits.changes();
        assert_eq!(changes, ["wall_time=1m 30s", "stack=1MiB", "functions=7"]);
        let mut read = GuestLimits::default();
        for change in changes {
            read.change(&change).unwrap();
        }
        assert_eq!(read, limits);
    }

    #[test]
    fn a_task_only_narrows() {
        let mut limits = GuestLimits::default();
        assert_eq!(limits.wall_time(None), None);
        assert_eq!(limits.fuel_budget(Some(9)), Some(9));
        limits.set("wall_time", "2s").unwrap();
        limits.set("fuel_budget", "5").unwrap();
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(limits.wall_time(None), Some(second * 2));
        assert_eq!(limits.wall_time(Some(second)), Some(second));
        assert_eq!(limits.wall_time(Some(hour)), Some(second * 2));
        assert_eq!(limits.fuel_budget(Some(9)), Some(5));
        assert_eq!(limits.output(Some(u64::MAX)), Some(1 << 30));
        assert_eq!(limits.output(Some(1)), Some(1));
        assert_eq!(limits.output(None), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let mut limits = GuestLimits::default();
        let error = limits.set("memory", "1").unwrap_err();
        assert!(
            error.contains("there are wall_time, fuel_budget"),
            "{error}"
        );
        let error = limits.set("stack", "1GiB").unwrap_err();
        assert_eq!(error, "stack = 1GiB: write 64KiB to 8MiB");
        let error = limits.set("tables", "many").unwrap_err();
        assert!(error.contains("digits only"), "{error}");
        let error = limits.change("tables").unwrap_err();
        assert!(error.contains("NAME=VALUE"), "{error}");
    }
}
