//! The flags of `stoker compile`.

use stoker_types::{GuestLimits, UnknownImports};

use crate::{
    engine::{CodeKind, MemoryProfile},
    flags::{Flags, unknown},
    metering::Metering,
};

/// The largest module that is compiled, unless told.
const MODULE_BYTES: u64 = 256 << 20;

/// What to compile for, and within which bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `--profile large|small`: the memory profile of the runners that will load it.
    pub profile: MemoryProfile,
    /// `--metering fuel`: how the code counts its work.
    pub metering: Metering,
    /// `--unknown-imports refuse|trap`.
    pub unknown_imports: UnknownImports,
    /// `--cpu-seconds N`: the CPU time of all threads together; no limit if absent.
    pub cpu_seconds: Option<u64>,
    /// `--address-space-bytes N`: no limit if absent.
    pub address_space_bytes: Option<u64>,
    /// `--module-bytes N`: the largest module.
    pub module_bytes: u64,
    /// `--limit NAME=VALUE`: a bound of guests that is not the usual one.
    pub limits: GuestLimits,
    /// `--die-with-parent`: ends when the process (in truth, the thread) that started it does.
    pub die_with_parent: bool,
    /// `--require-hardening`: compiles nothing where the kernel does not confine it fully.
    pub require_hardening: bool,
    /// `--print-hardening`: compiles nothing and prints how it is confined, as JSON.
    pub print_hardening: bool,
    /// `--print-key`: compiles nothing and prints the key of what it would compile.
    pub print_key: bool,
}

impl Settings {
    /// The settings without any flag.
    #[must_use]
    pub fn new(profile: MemoryProfile) -> Self {
        Self {
            profile,
            metering: Metering::Fuel,
            unknown_imports: UnknownImports::Refuse,
            cpu_seconds: None,
            address_space_bytes: None,
            module_bytes: MODULE_BYTES,
            limits: GuestLimits::default(),
            die_with_parent: false,
            require_hardening: false,
            print_hardening: false,
            print_key: false,
        }
    }

    /// The settings for a module of `size` bytes that is given what an honest one needs: 30 CPU
    /// seconds and 2 more for each MiB (an interpreter of 26 MB takes 10), and address space for
    /// the compiler and its threads.
    #[must_use]
    pub fn bounded_for(profile: MemoryProfile, size: u64) -> Self {
        Self {
            cpu_seconds: Some(30 + 2 * size.div_ceil(1 << 20)),
            address_space_bytes: Some((2_u64 << 30).saturating_add(size.saturating_mul(24))),
            ..Self::new(profile)
        }
    }

    /// The kind of code to make.
    #[must_use]
    pub const fn code_kind(&self) -> CodeKind {
        CodeKind {
            profile: self.profile,
            metering: self.metering,
            limits: self.limits,
        }
    }

    /// The arguments that say the same, the command's name first.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["compile".to_owned()];
        let mut pair = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        pair("--profile", self.profile.to_string());
        pair("--metering", self.metering.to_string());
        pair(
            "--unknown-imports",
            name_of(self.unknown_imports).to_owned(),
        );
        pair("--module-bytes", self.module_bytes.to_string());
        if let Some(seconds) = self.cpu_seconds {
            pair("--cpu-seconds", seconds.to_string());
        }
        if let Some(bytes) = self.address_space_bytes {
            pair("--address-space-bytes", bytes.to_string());
        }
        for change in self.limits.changes() {
            pair("--limit", change);
        }
        let switches = [
            (self.die_with_parent, "--die-with-parent"),
            (self.require_hardening, "--require-hardening"),
            (self.print_hardening, "--print-hardening"),
            (self.print_key, "--print-key"),
        ];
        let set = switches.iter().filter(|(is_set, _)| *is_set);
        arguments.extend(set.map(|(_, name)| (*name).to_owned()));
        arguments
    }

    pub(super) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self::new(MemoryProfile::detect());
        let mut flags = Flags::new(arguments);
        while let Some(name) = flags.next_name() {
            match name.as_str() {
                "--profile" => settings.profile = flags.value(&name)?,
                "--metering" => settings.metering = flags.value(&name)?,
                "--unknown-imports" => {
                    settings.unknown_imports = named(&flags.value::<String>(&name)?)?;
                }
                "--cpu-seconds" => settings.cpu_seconds = Some(flags.value(&name)?),
                "--address-space-bytes" => {
                    settings.address_space_bytes = Some(flags.value(&name)?);
                }
                "--module-bytes" => settings.module_bytes = flags.value(&name)?,
                "--limit" => settings.limits.change(&flags.value::<String>(&name)?)?,
                "--die-with-parent" => settings.die_with_parent = true,
                "--require-hardening" => settings.require_hardening = true,
                "--print-hardening" => settings.print_hardening = true,
                "--print-key" => settings.print_key = true,
                other => return Err(unknown(other)),
            }
        }
        Ok(settings)
    }
}

const fn name_of(unknown_imports: UnknownImports) -> &'static str {
    match unknown_imports {
        UnknownImports::Refuse => "refuse",
        UnknownImports::Trap => "trap",
    }
}

fn named(text: &str) -> Result<UnknownImports, String> {
    match text {
        "refuse" => Ok(UnknownImports::Refuse),
        "trap" => Ok(UnknownImports::Trap),
        other => Err(format!("--unknown-imports {other:?}: write refuse or trap")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_from_their_arguments() {
        let mut settings = Settings::bounded_for(MemoryProfile::Small, 5 << 20);
        assert_eq!(settings.cpu_seconds, Some(40));
        settings.unknown_imports = UnknownImports::Trap;
        settings.die_with_parent = true;
        settings.require_hardening = true;
        settings.limits.set("functions", "7").unwrap();
        let arguments = settings.to_arguments();
        assert_eq!(arguments[0], "compile");
        assert_eq!(Settings::parse(arguments.into_iter().skip(1)), Ok(settings));
    }

    #[test]
    fn a_wrong_flag_is_named() {
        let error = |arguments: &[&str]| {
            Settings::parse(arguments.iter().map(|text| (*text).to_owned())).unwrap_err()
        };
        assert_eq!(error(&["--fast"]), "unknown flag \"--fast\"");
        assert_eq!(error(&["--cpu-seconds"]), "--cpu-seconds wants a value");
        assert!(error(&["--profile", "huge"]).contains("large or small"));
        assert!(error(&["--unknown-imports", "no"]).contains("refuse or trap"));
    }
}
