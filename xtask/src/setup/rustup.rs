//! The Wasm target from rustup: the plain way for most people. It never waits long, because a network that
//! swallows what it is asked for must not hold up the other way.

use super::{GuestToolchain, WASM_TARGET};
use crate::failure::{Failure, Result};
use crate::{processes, screen};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Adds the target to the toolchain of the workspace.
pub(crate) fn add_target(root: &Path) -> Result<GuestToolchain> {
    if processes::find("rustup").is_none() {
        return Err(Failure::new("there is no rustup to add the target with"));
    }
    let limit = TIME_LIMIT.as_secs();
    screen::line(&format!(
        "  rustup target add {WASM_TARGET} (at most {limit} s)"
    ));
    let mut command = Command::new("rustup");
    command
        .current_dir(root)
        .args(["target", "add", WASM_TARGET]);
    let ended = processes::capture_within(&mut command, TIME_LIMIT)?;
    if ended.status.success() {
        return Ok(GuestToolchain::Host);
    }
    Err(Failure::new(format!(
        "rustup cannot: {}",
        ended.last_words()
    )))
}
