//! Landlock: which files the process reaches, and that it reaches nobody else.
//!
//! What it has open already stays open: that is how a runner has its socket, its log and its
//! modules. The kernel still tells whether a path exists, and its size and times.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, Scope, make_bitflags,
};

use super::ConfineError;

/// The newest version that is used; an older kernel enforces what it knows of it.
const USED: ABI = ABI::V6;

/// What guests do with files. They never make devices, pipes or sockets, nor run anything.
const IN_THE_FOLDER: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile
    | ReadDir
    | WriteFile
    | Truncate
    | MakeReg
    | MakeDir
    | MakeSym
    | Refer
    | RemoveFile
    | RemoveDir
});

/// Restricts this thread, and all that it will start, to the files below `folder`, and to the network
/// only if told so. Gives the version that is enforced: 0 if the kernel has none.
pub(super) fn restrict(folder: Option<&Path>, has_network: bool) -> Result<u32, ConfineError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(USED))?
        .scope(Scope::from_all(USED))?;
    if !has_network {
        rules = rules.handle_access(AccessNet::from_all(USED))?;
    }
    let mut rules = rules.create()?;
    if let Some(folder) = folder {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, IN_THE_FOLDER))?;
    }
    let status = rules.restrict_self()?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => version(effective_abi),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    })
}

/// The number of a version, at most that of [`USED`].
fn version(abi: ABI) -> u32 {
    let versions = [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, USED];
    versions.iter().map(|known| u32::from(*known <= abi)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_by_its_number() {
        assert_eq!(version(ABI::Unsupported), 0);
        assert_eq!(version(ABI::V3), 3);
        assert_eq!(version(ABI::V6), 6);
        assert_eq!(version(ABI::V10), 6);
    }
}
