//! How well a machine's kernel confines runners and compilers.

use std::fmt;

/// The oldest Landlock that leaves no way round: 1 does not know renames, 2 lets files be cut.
const LEAST_LANDLOCK: u32 = 3;

/// What the kernel enforces on a process that gives up what it does not need. That it gains no new
/// privileges holds in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardening {
    /// The version of Landlock: 0 for none, 6 for any that has all that is used.
    pub landlock: u32,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

impl Hardening {
    /// What is missing, and what to do; nothing if all is there.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let mut missing = Vec::new();
        if self.landlock < LEAST_LANDLOCK {
            missing.push(format!(
                "Landlock of version {LEAST_LANDLOCK} or later (this kernel has {}: take Linux \
                 6.2 or later with CONFIG_SECURITY_LANDLOCK, and landlock in lsm= at boot)",
                Landlock(self.landlock)
            ));
        }
        if !self.seccomp {
            missing.push("seccomp filters (take a kernel with CONFIG_SECCOMP_FILTER)".to_owned());
        }
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

impl fmt::Display for Hardening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seccomp = if self.seccomp { "yes" } else { "no" };
        let landlock = Landlock(self.landlock);
        write!(formatter, "landlock {landlock}, seccomp {seccomp}")
    }
}

/// A version of Landlock, for people.
struct Landlock(u32);

impl fmt::Display for Landlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => formatter.write_str("none"),
            version => write!(formatter, "version {version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let hardening = |landlock, seccomp| Hardening { landlock, seccomp };
        assert_eq!(hardening(3, true).missing(), None);
        assert_eq!(hardening(6, true).missing(), None);
        let missing = hardening(2, true).missing().unwrap();
        assert!(
            missing.contains("version 2") && missing.contains("6.2"),
            "{missing}"
        );
        let missing = hardening(0, false).missing().unwrap();
        assert!(
            missing.contains("none") && missing.contains("CONFIG_SECCOMP_FILTER"),
            "{missing}"
        );
        let shown = hardening(0, true).to_string();
        assert_eq!(shown, "landlock none, seccomp yes");
    }
}
