//! Makes a runner of a process that the daemon has just started: its own session, its limits, its
//! listening socket.
//!
//! | limit | value | why |
//! | --- | --- | --- |
//! | `RLIMIT_CORE` | 0 | a core file holds a tenant's memory |
//! | `RLIMIT_NOFILE` | 65,536 | two files a task and room to spare, and no more |
//! | `RLIMIT_MEMLOCK`, `RLIMIT_MSGQUEUE` | 0 | nothing of ours locks memory or sends such messages |
//! | `RLIMIT_AS` | as it was | the large profile reserves terabytes of addresses for 1,000 guests |
//! | `RLIMIT_NPROC` | as it was | counts all processes of the user; the filter allows no processes |
//! | `RLIMIT_CPU`, `RLIMIT_FSIZE` | as they were | cpu time and disk are bounded a task, not a process |

use std::{
    fs::{self, File},
    io,
    os::unix::net::UnixListener,
};

use rustix::{
    net::sockopt::socket_acceptconn,
    process::{Resource, Rlimit, getrlimit, setrlimit, setsid},
    stdio::{dup2_stdin, stdin},
};

use super::Settings;
use crate::compile::die_with_parent;

/// The descriptors that a runner may need: two files a task, its socket, its modules.
const MOST_DESCRIPTORS: u64 = 65_536;
/// Whom the kernel ends first when memory is short: rather a tenant's runner than a daemon.
const OOM_SCORE: &str = "500";

/// Takes the listening socket off fd 0 and limits the process.
pub(super) fn prepare(settings: &Settings) -> io::Result<UnixListener> {
    if settings.die_with_parent {
        die_with_parent()?;
    }
    let listener = take_listener()?;
    if let Err(error) = setsid() {
        // It leads a group already, and so it is apart from the daemon's as well.
        tracing::debug!(%error, "no session of its own");
    }
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, MOST_DESCRIPTORS)?;
    limit(Resource::Memlock, 0)?;
    limit(Resource::Msgqueue, 0)?;
    if let Err(error) = fs::write("/proc/self/oom_score_adj", OOM_SCORE) {
        tracing::debug!(%error, "the kernel does not take an out-of-memory score");
    }
    Ok(listener)
}

/// The socket on fd 0, which is `/dev/null` from then on.
fn take_listener() -> io::Result<UnixListener> {
    let socket = stdin().try_clone_to_owned()?;
    if !socket_acceptconn(&socket)? {
        return Err(io::Error::other("fd 0 is a socket that does not listen"));
    }
    let listener = UnixListener::from(socket);
    dup2_stdin(File::open("/dev/null")?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Sets a limit to `wanted`, or to the most that this process may have, for good.
fn limit(resource: Resource, wanted: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}
