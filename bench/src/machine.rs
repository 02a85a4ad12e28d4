//! What a figure was measured on: without it no figure means anything.

use std::{fs, path::Path, process::Command, thread};

use serde::Serialize;

/// A machine and what was built for it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    /// Of the folder that everything was written to.
    pub(crate) file_system: String,
    /// With `-dirty` behind it where files differ from it.
    pub(crate) commit: String,
    /// Whether this was built for speed.
    pub(crate) is_release_build: bool,
}

impl Machine {
    /// This one; what is written goes to `folder`.
    pub(crate) fn look(folder: &Path) -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let meminfo = read("/proc/meminfo");
        let memory = value(&meminfo, "MemTotal")
            .trim_end_matches("kB")
            .trim()
            .parse();
        Self {
            processor: value(&cpuinfo, "model name").to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory.unwrap_or(0u64).saturating_mul(1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&read("/proc/mounts"), folder).to_owned(),
            commit: commit(),
            is_release_build: !cfg!(debug_assertions),
        }
    }
}

/// The load averages of the last 1, 5 and 15 minutes, as the kernel writes them.
pub(crate) fn load() -> String {
    let text = read("/proc/loadavg");
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    words.join(" ")
}

/// What is not there is unknown, and no reason not to measure.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first line `key : value`.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map_or("unknown", |(_, value)| value.trim())
}

/// The kind of the file system that `folder` is on.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> &'a str {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(place, _)| folder.starts_with(place))
        // Of two on one place the later one is seen.
        .max_by_key(|(place, _)| place.len())
        .map_or("unknown", |(_, kind)| kind)
}

fn commit() -> String {
    let output = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR")])
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_innermost_mount() {
        let mounts = "\
            /dev/vda / ext4 rw 0 0\n\
            tmpfs /run tmpfs rw 0 0\n\
            /dev/vdb /data xfs rw 0 0\n";
        for (folder, kind) in [("/data/a", "xfs"), ("/database", "ext4"), ("/run", "tmpfs")] {
            assert_eq!(file_system(mounts, Path::new(folder)), kind, "{folder}");
        }
    }

    #[test]
    fn a_value_is_found_by_its_key() {
        let text = "model\t\t: 6\nmodel name\t: Some CPU @ 2.6GHz\n";
        assert_eq!(value(text, "model name"), "Some CPU @ 2.6GHz");
        assert_eq!(value(text, "other"), "unknown");
    }
}
