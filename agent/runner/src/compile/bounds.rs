//! The limits that the compile child puts on itself before it looks at a byte.

use std::io;

use rustix::process::{
    Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit,
};

use super::Settings;

/// What the artifact may measure for each byte of the module's bound: a module's code grows, but
/// a file that fills the disk is a bug.
const ARTIFACT_BYTES_PER_MODULE_BYTE: u64 = 16;

/// Imposes all of them. The kernel ends the process that meets one.
pub(super) fn impose(settings: &Settings) -> io::Result<()> {
    if settings.die_with_parent {
        die_with_parent()?;
    }
    limit(Resource::Core, 0)?;
    limit(
        Resource::Fsize,
        settings
            .module_bytes
            .saturating_mul(ARTIFACT_BYTES_PER_MODULE_BYTE),
    )?;
    if let Some(seconds) = settings.cpu_seconds {
        limit(Resource::Cpu, seconds)?;
    }
    if let Some(bytes) = settings.address_space_bytes {
        limit(Resource::As, bytes)?;
    }
    Ok(())
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    // Never above what this process is held to already.
    let most = rustix::process::getrlimit(resource)
        .maximum
        .map_or(most, |held| held.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}

/// Ends this process when the thread that started it ends.
pub(crate) fn die_with_parent() -> io::Result<()> {
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != parent {
        return Err(io::Error::other("the parent is gone already"));
    }
    Ok(())
}
