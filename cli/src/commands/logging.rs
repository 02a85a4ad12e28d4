//! Where log lines go: to stderr, for people or, with `STOKER_LOG_FORMAT=json`, for programs.
//!
//! Owns the subscriber and its level (`STOKER_LOG`, as in `debug` or `stoker_master=debug,info`).

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// For commands that people wait for: warnings only.
pub(super) fn for_people() {
    init("warn");
}

/// For daemons: what an operator wants to have seen.
pub(super) fn for_daemons() {
    init("info");
}

/// For a runner: as it says itself, because WASI opens a span for every call of a guest.
pub(super) fn for_runner() {
    init(stoker_agent_runner::runner::DEFAULT_LOG_FILTER);
}

fn init(default: &str) {
    let filter = EnvFilter::try_from_env("STOKER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let is_json = std::env::var_os("STOKER_LOG_FORMAT").is_some_and(|format| format == "json");
    // A second call (in tests) finds a subscriber that is there already: that one stays.
    let result = if is_json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    drop(result);
}
