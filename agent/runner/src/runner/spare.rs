//! A runner without a tenant: all of it is made but its threads, its calls are filtered, and it waits
//! for the rest of its flags. So a tenant's first task does not wait for a process and an engine.
//!
//! The rest comes over its socket, before the first daemon: flags that each end with a zero byte,
//! up to the end of the connection. Until then it is of use to its daemon only, and ends with it; a
//! daemon that takes too long to tell the rest ends it itself.

use std::{
    io::{self, Read as _},
    os::unix::net::UnixListener,
};

use rustix::process::set_parent_process_death_signal;

use super::{Failure, Settings, Stage, process};
use crate::{compile::die_with_parent, hardening};

/// The longest rest.
const FLAGS_BYTES: u64 = 16 << 10;

/// Gets ready, waits for the rest of the flags, and is a runner.
pub(super) fn start(arguments: &[String]) -> Result<(), Failure> {
    let shared = Settings::parse_shared(arguments.iter().cloned()).map_err(Failure::Flags)?;
    die_with_parent()?;
    let listener = process::prepare(&shared)?;
    let stage = Stage::set(&shared)?;
    let filtered = hardening::filter_calls(shared.class)?;
    let rest = rest_of_flags(&listener)?;
    let class = shared.class;
    let settings = shared.completed_by(rest).map_err(Failure::Flags)?;
    if settings.class != class {
        let message = format!("--class {}: it was started with {class}", settings.class);
        return Err(Failure::Flags(message));
    }
    if !settings.die_with_parent {
        set_parent_process_death_signal(None).map_err(io::Error::from)?;
    }
    Ok(stage.restrict_and_run(filtered, &settings, listener)?)
}

fn rest_of_flags(listener: &UnixListener) -> io::Result<Vec<String>> {
    listener.set_nonblocking(false)?;
    let (visitor, _) = listener.accept()?;
    listener.set_nonblocking(true)?;
    let mut text = String::new();
    visitor.take(FLAGS_BYTES).read_to_string(&mut text)?;
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}
