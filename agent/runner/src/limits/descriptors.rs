//! Keeps some of the process' descriptors from all guests together.
//!
//! Each guest has its bound, but so many guests share a process that together they could have all
//! descriptors that the system grants it; then the runner itself could open no log, take no module
//! and let no daemon in.

use std::io;

use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Resource, getrlimit},
    stdio::stdin,
};

/// What is kept: two files a task, the socket, modules on their way.
const KEPT: u64 = 4096;
/// Where the system grants few, it is a part of them.
const KEPT_PART: u64 = 4;

/// Whether a guest may have another descriptor of the process.
///
/// The kernel hands out the lowest number that is free; while there is one below those that are
/// kept, fewer than the others are taken.
///
/// # Errors
/// If the process can have no descriptor at all.
pub(crate) fn have_room() -> io::Result<bool> {
    let granted = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let for_guests = i32::try_from(granted - KEPT.min(granted / KEPT_PART)).unwrap_or(i32::MAX);
    match fcntl_dupfd_cloexec(stdin(), 0) {
        Ok(lowest) => {
            use std::os::fd::AsRawFd as _;
            Ok(lowest.as_raw_fd() < for_guests)
        }
        Err(Errno::MFILE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_that_has_opened_little_has_room() {
        assert!(super::have_room().unwrap());
    }
}
