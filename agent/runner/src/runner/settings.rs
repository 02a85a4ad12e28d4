//! The flags of `stoker runner`.

use std::{path::PathBuf, thread, time::Duration};

use stoker_types::{
    GuestLimits, RunnerId, duration,
    runner::{DEFAULT_ORPHAN_TIMEOUT, MOST_SLOTS},
};

use crate::{
    engine::{CodeKind, DEFAULT_SLOTS, MemoryProfile},
    flags::{Flags, unknown},
    hardening::Class,
    metering::Metering,
};

/// The id that no runner has.
const NOBODY: &str = "runner-aaaaaaaaaaaaa";

/// How a runner is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `--runner-id`: its id; required.
    pub runner_id: RunnerId,
    /// `--nonce N`: what a daemon must know to be let in; required, decimal.
    pub nonce: u64,
    /// `--folder PATH`: where all sandboxes of its tenant are, and the only files that it reaches;
    /// required.
    pub folder: PathBuf,
    /// `--class closed|net`: what its guests reach beyond files; nothing if absent.
    pub class: Class,
    /// `--require-hardening`: ends where the kernel does not confine it fully.
    pub require_hardening: bool,
    /// `--memory-profile large|small`: what suits the machine if absent.
    pub memory_profile: MemoryProfile,
    /// `--metering fuel`: how the code that it is sent counts its work.
    pub metering: Metering,
    /// `--workers N`: the threads that run guests; one a core if absent.
    pub workers: usize,
    /// `--slots N`: the tasks that it holds at once, at most 8,000; 1,000 if absent.
    pub slots: u32,
    /// `--limit NAME=VALUE`: a bound of its guests that is not the usual one.
    pub limits: GuestLimits,
    /// `--orphan-timeout TIME`: how long it lives without a daemon; 15 minutes if absent.
    pub orphan_timeout: Duration,
    /// `--die-with-parent`: ends when the process (in truth, the thread) that started it does.
    pub die_with_parent: bool,
}

impl Settings {
    /// The settings with nothing but what is required.
    #[must_use]
    pub fn new(runner_id: RunnerId, nonce: u64, folder: PathBuf) -> Self {
        Self {
            runner_id,
            nonce,
            folder,
            class: Class::default(),
            require_hardening: false,
            memory_profile: MemoryProfile::detect(),
            metering: Metering::default(),
            workers: thread::available_parallelism().map_or(1, usize::from),
            slots: DEFAULT_SLOTS,
            limits: GuestLimits::default(),
            orphan_timeout: DEFAULT_ORPHAN_TIMEOUT,
            die_with_parent: false,
        }
    }

    /// The kind of code that it runs.
    pub(super) const fn code_kind(&self) -> CodeKind {
        CodeKind {
            profile: self.memory_profile,
            metering: self.metering,
            limits: self.limits,
        }
    }

    /// What flags say that all runners of an agent share; which one it is need not be among them.
    pub(super) fn parse_shared(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let nobody = ["--runner-id", NOBODY, "--nonce", "0", "--folder", "/"].map(str::to_owned);
        Self::parse(nobody.into_iter().chain(arguments))
    }

    pub(super) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        Self::new(RunnerId::from_bits(0), 0, PathBuf::new()).completed_by(arguments)
    }

    /// The same with what further flags say, those that say which runner it is among them.
    pub(super) fn completed_by(
        self,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Self, String> {
        let mut settings = self;
        let (mut runner_id, mut nonce, mut folder) = (None, None, None);
        let mut flags = Flags::new(arguments.into_iter());
        while let Some(name) = flags.next_name() {
            match name.as_str() {
                "--runner-id" => runner_id = Some(flags.value(&name)?),
                "--nonce" => nonce = Some(flags.value(&name)?),
                "--folder" => folder = Some(flags.value(&name)?),
                "--class" => settings.class = flags.value(&name)?,
                "--require-hardening" => settings.require_hardening = true,
                "--memory-profile" => settings.memory_profile = flags.value(&name)?,
                "--metering" => settings.metering = flags.value(&name)?,
                "--workers" => settings.workers = flags.value(&name)?,
                "--slots" => settings.slots = flags.value(&name)?,
                "--limit" => settings.limits.change(&flags.value::<String>(&name)?)?,
                "--orphan-timeout" => {
                    settings.orphan_timeout = duration::parse(&flags.value::<String>(&name)?)?;
                }
                "--die-with-parent" => settings.die_with_parent = true,
                other => return Err(unknown(other)),
            }
        }
        settings.runner_id = runner_id.ok_or("--runner-id is missing")?;
        settings.nonce = nonce.ok_or("--nonce is missing")?;
        settings.folder = folder.ok_or("--folder is missing")?;
        settings.checked()
    }

    fn checked(self) -> Result<Self, String> {
        if !(1..=1024).contains(&self.workers) {
            return Err(format!("--workers {}: 1 to 1024", self.workers));
        }
        if !(1..=MOST_SLOTS).contains(&self.slots) {
            return Err(format!("--slots {}: 1 to {MOST_SLOTS}", self.slots));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Settings, String> {
        Settings::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn all_flags_are_read() {
        let settings = parse(
            "--runner-id runner-aaaaaaaaaaaab --nonce 7 --folder /s --class net --require-hardening \
             --memory-profile small \
             --metering fuel --workers 3 \
             --slots 20 --limit stack=1MiB --orphan-timeout 2s \
             --die-with-parent",
        );
        let limits = GuestLimits {
            stack_bytes: 1 << 20,
            ..GuestLimits::default()
        };
        let expected = Settings {
            runner_id: RunnerId::from_bits(1),
            nonce: 7,
            folder: PathBuf::from("/s"),
            class: Class::Net,
            require_hardening: true,
            memory_profile: MemoryProfile::Small,
            metering: Metering::Fuel,
            workers: 3,
            slots: 20,
            limits,
            orphan_timeout: Duration::from_secs(2),
            die_with_parent: true,
        };
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_named() {
        assert_eq!(parse("--nonce 7"), Err("--runner-id is missing".to_owned()));
        let required = "--runner-id runner-aaaaaaaaaaaab --nonce 7 --folder /s";
        assert!(
            parse(&format!("{required} --slots 9000"))
                .unwrap_err()
                .contains("8000")
        );
        assert!(
            parse(&format!("{required} --workers 0"))
                .unwrap_err()
                .contains("--workers")
        );
    }
}
