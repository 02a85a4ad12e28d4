//! What the kernel enforces, for people and for whoever requires it.

use std::fmt;

/// The oldest Landlock that leaves no way round: 1 does not know renames, 2 lets files be cut.
const LEAST_LANDLOCK: u32 = 3;

/// What holds for a process that was confined. No new privileges hold in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// The version of Landlock, 0 for none, and 6 for any that has all that is used.
    pub landlock: u32,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

impl Enforced {
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

impl fmt::Display for Enforced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seccomp = if self.seccomp { "yes" } else { "no" };
        write!(
            formatter,
            "landlock: {}, seccomp: {seccomp}",
            Landlock(self.landlock)
        )
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
        let enforced = |landlock, seccomp| Enforced { landlock, seccomp };
        assert_eq!(enforced(3, true).missing(), None);
        assert_eq!(enforced(6, true).missing(), None);
        let missing = enforced(2, true).missing().unwrap();
        assert!(
            missing.contains("version 2") && missing.contains("6.2"),
            "{missing}"
        );
        let missing = enforced(0, false).missing().unwrap();
        assert!(
            missing.contains("none") && missing.contains("CONFIG_SECCOMP_FILTER"),
            "{missing}"
        );
        assert_eq!(
            enforced(0, true).to_string(),
            "landlock: none, seccomp: yes"
        );
    }
}
