//! CPU time: of this process, of others, and split by the parts of a cluster.
//!
//! Owns what is read of `/proc`. The kernel counts in nanoseconds and shows hundredths of a second,
//! so an error is at most that, however long the time is.

use std::{fs, time::Duration};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

/// What the kernel counts the times in `/proc` in, on every architecture of today.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time of each part of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    /// This process.
    pub(crate) scheduler: Duration,
    pub(crate) master: Duration,
    /// The agent's daemon.
    pub(crate) daemon: Duration,
    /// All runners of the agent.
    pub(crate) runner: Duration,
}

impl CpuTimes {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            scheduler: self.scheduler.saturating_sub(earlier.scheduler),
            master: self.master.saturating_sub(earlier.master),
            daemon: self.daemon.saturating_sub(earlier.daemon),
            runner: self.runner.saturating_sub(earlier.runner),
        }
    }

    pub(crate) fn total(self) -> Duration {
        self.scheduler + self.master + self.daemon + self.runner
    }
}

/// The CPU time of this process, all threads together.
pub(crate) fn own() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The CPU time of a process, all threads together.
pub(crate) fn of_process(pid: u32) -> anyhow::Result<Duration> {
    let stat = Stat::read(&pid.to_string())?;
    Ok(stat.own)
}

/// The CPU time of all children of this process that have ended.
pub(crate) fn of_ended_children() -> anyhow::Result<Duration> {
    Ok(Stat::read("self")?.ended_children)
}

/// The same to the nanosecond, of the threads that live.
pub(crate) fn exactly_of_process(pid: u32) -> anyhow::Result<Duration> {
    let tasks = format!("/proc/{pid}/task");
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(&tasks).with_context(|| format!("cannot list {tasks}"))? {
        let path = thread?.path().join("schedstat");
        // One that ends just now has had its time.
        let text = fs::read_to_string(path).unwrap_or_default();
        let on_cpu = text.split_whitespace().next();
        sum += Duration::from_nanos(on_cpu.and_then(|text| text.parse().ok()).unwrap_or(0));
    }
    Ok(sum)
}

/// The children of process `parent` whose first argument is `verb`.
pub(crate) fn children(parent: u32, verb: &str) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot list /proc")? {
        let name = entry.context("cannot list /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that ends just now is none that is asked for.
        let Ok(stat) = Stat::read(&format!("{pid}")) else {
            continue;
        };
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let first = arguments.split(|byte| *byte == 0).nth(1);
        if stat.parent == parent && first == Some(verb.as_bytes()) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// What is read of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn read(process: &str) -> anyhow::Result<Self> {
        let path = format!("/proc/{process}/stat");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Self::parse(&text).with_context(|| format!("{path} is {text:?}"))
    }

    fn parse(text: &str) -> Option<Self> {
        // The name, in parentheses, may hold anything; the state follows, and then the parent.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: TICK * (ticks(11)? + ticks(12)?),
            ended_children: TICK * (ticks(13)? + ticks(14)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let text = "7 (a b) c) S 3 7 7 0 -1 4194560 1 2 3 4 250 50 6 4 20 0 1 0 99 100 200";
        assert_eq!(
            Stat::parse(text),
            Some(Stat {
                parent: 3,
                own: Duration::from_secs(3),
                ended_children: Duration::from_millis(100),
            })
        );
        assert_eq!(Stat::parse("7 (a) S 3"), None);
    }

    #[test]
    fn the_time_of_this_process_is_told_alike_by_both_ways() {
        let start = own();
        while own() - start < TICK * 5 {}
        let [kernel, clock] = [of_process(std::process::id()).unwrap(), own()];
        assert!(kernel.abs_diff(clock) <= TICK * 3, "{kernel:?} {clock:?}");
    }
}
