//! What this machine has, and how much of it is sold.
//!
//! Owns detection and the operator's overrides. What is promised to whom is the master's business.

use std::{fs, io, path::Path};

use rustix::process::{Resource, getrlimit};
use stoker_types::{Milli, PortRange, Ports, Resources};

use crate::config::{MemoryProfileChoice, Overrides};

/// What one cpu sells: a constant, so that equal machines stay equal.
const FUEL_PER_CPU: u64 = 5_000;
/// What is left for the daemon and its children beside the tenth that is not sold either.
const DAEMON_BYTES: u64 = 64 << 20;
/// The ports that are sold unless set.
const PORTS: PortRange = PortRange {
    first: 31_000,
    last: 32_000,
};
/// Machines with less memory than this lay out guests' memories on demand, unless told.
const LARGE_PROFILE_FROM_BYTES: u64 = 2 << 30;

/// What this machine sells if nothing is set: all cpus, 5,000 Mfuel/s for each, 90 % of memory
/// without 64 MiB, 90 % of the free disk under `data`, ports 31000 to 32000.
///
/// # Errors
/// If the machine does not tell.
pub fn detect(data: &Path) -> io::Result<Resources> {
    let cpus = u64::from(cores());
    let memory = memory_bytes(&fs::read_to_string("/proc/meminfo")?)
        .ok_or_else(|| io::Error::other("/proc/meminfo names no MemTotal"))?;
    let bounds = [getrlimit(Resource::As).current, group_memory_bytes()];
    let memory = bounds.into_iter().flatten().fold(memory, u64::min);
    Ok(Resources {
        cpus: Milli::from_whole(cpus),
        mem: nine_tenths(memory).saturating_sub(DAEMON_BYTES),
        disk: nine_tenths(free_disk_bytes(data)?),
        fuel: Milli::from_whole(cpus).saturating_mul(FUEL_PER_CPU),
        ports: Ports::from_ranges([PORTS]),
        custom: std::collections::BTreeMap::new(),
    })
}

/// The cores that this process may use, whatever of them is sold.
pub(crate) fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(u32::MAX)
}

/// `found`, with each entry that the operator names replaced.
pub(crate) fn apply(overrides: &Overrides, mut found: Resources) -> Resources {
    let named = |name: &str| overrides.names.iter().any(|other| other == name);
    let amounts = &overrides.amounts;
    if named("cpus") {
        found.cpus = amounts.cpus;
        found.fuel = amounts.cpus.saturating_mul(FUEL_PER_CPU);
    }
    if named("fuel") {
        found.fuel = amounts.fuel;
    }
    if named("mem") {
        found.mem = amounts.mem;
    }
    if named("disk") {
        found.disk = amounts.disk;
    }
    if named("ports") {
        found.ports = amounts.ports.clone();
    }
    found.custom = amounts.custom.clone();
    found
}

/// Differs after each boot of this machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// What this machine calls itself.
pub(crate) fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name.to_owned()
    }
}

/// The name of a memory profile, as runners and compilations take it.
pub(crate) fn memory_profile(choice: MemoryProfileChoice) -> &'static str {
    match choice {
        MemoryProfileChoice::Large => "large",
        MemoryProfileChoice::Small => "small",
        MemoryProfileChoice::Auto => {
            let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
            let is_bounded = getrlimit(Resource::As).current.is_some();
            let has_little =
                memory_bytes(&meminfo).is_some_and(|bytes| bytes < LARGE_PROFILE_FROM_BYTES);
            if is_bounded || has_little {
                "small"
            } else {
                "large"
            }
        }
    }
}

fn nine_tenths(bytes: u64) -> u64 {
    bytes / 10 * 9
}

/// `MemTotal` of `/proc/meminfo`.
fn memory_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The smallest `memory.max` of this process's control group and those around it, if there is one.
fn group_memory_bytes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own_group(&groups)?;
    let limits = Path::new(own).ancestors().filter_map(|group| {
        let file = Path::new("/sys/fs/cgroup").join(group).join("memory.max");
        fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
    });
    limits.min()
}

/// The path of the (version 2) control group, without its leading slash.
fn own_group(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::/"))
}

fn free_disk_bytes(data: &Path) -> io::Result<u64> {
    // The folder need not exist yet; then it will be on the file system of the one around it.
    let existing = data
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or_else(|| Path::new("/"));
    let disk = rustix::fs::statvfs(existing)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AgentConfig;

    fn overridden(text: &str) -> Resources {
        let config = AgentConfig {
            resources: text.to_owned(),
            ..AgentConfig::default()
        };
        let found = "cpus=4;mem=8GiB;disk=10GiB;fuel=20000;ports=31000-32000"
            .parse::<Resources>()
            .unwrap();
        apply(&config.check().unwrap().overrides, found)
    }

    #[test]
    fn this_machine_sells_something() {
        let found = detect(Path::new("/nonexistent/folder")).unwrap();
        assert!(!found.cpus.is_zero() && found.mem > 0 && found.disk > 0);
        assert_eq!(
            found.fuel.thousandths(),
            found.cpus.thousandths() * FUEL_PER_CPU
        );
        assert_eq!(found.ports.to_string(), "31000-32000");
        assert!(!boot_id().unwrap().is_empty() && !hostname().is_empty());
    }

    #[test]
    fn an_override_replaces_its_entry_only() {
        assert_eq!(
            overridden("mem=1GiB;disk=0"),
            "cpus=4;mem=1GiB;fuel=20000;ports=31000-32000"
                .parse()
                .unwrap()
        );
        assert_eq!(
            overridden("ports=9000;gpus=2"),
            "cpus=4;mem=8GiB;disk=10GiB;fuel=20000;ports=9000;gpus=2"
                .parse()
                .unwrap()
        );
    }

    #[test]
    fn fuel_follows_cpus_unless_it_is_named() {
        assert_eq!(overridden("cpus=0.5").fuel, Milli::from_whole(2500));
        assert_eq!(overridden("fuel=7;cpus=2").fuel, Milli::from_whole(7));
    }

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(
            memory_bytes("MemTotal:   1024 kB\nMemFree: 1 kB\n"),
            Some(1 << 20)
        );
        assert_eq!(memory_bytes("MemFree: 1 kB\n"), None);
        assert_eq!(
            own_group("1:name=systemd:/x\n0::/user.slice/a\n"),
            Some("user.slice/a")
        );
        assert_eq!(own_group("1:name=systemd:/x\n"), None);
    }

    #[test]
    fn a_profile_that_is_chosen_is_taken() {
        assert_eq!(memory_profile(MemoryProfileChoice::Small), "small");
        assert_eq!(memory_profile(MemoryProfileChoice::Large), "large");
    }
}
