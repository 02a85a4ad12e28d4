//! The hidden commands as real processes. This binary stands for `stoker`: called with `compile` or
//! `runner` it is that command; called by cargo, it starts itself as them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, which clippy does not see without the harness"
)]

#[path = "../support/daemon.rs"]
#[allow(dead_code, reason = "the tests of the protocol use all of it")]
mod daemon;

mod accounting;
mod compile;
mod escape;
mod local;
mod program;
mod runner;

use std::{panic::catch_unwind, process::ExitCode};

type Case = (&'static str, fn());

const CASES: &[&[Case]] = &[
    accounting::CASES,
    compile::CASES,
    escape::CASES,
    local::CASES,
    runner::CASES,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap_or_default();
    // A command is never called without arguments of its own; one word alone is a filter.
    let has_more = arguments.len() > 0;
    match first.as_str() {
        "compile" if has_more => stoker_agent_runner::compile::main(arguments),
        "runner" if has_more => stoker_agent_runner::runner::main(arguments),
        "local" if has_more => local::main(arguments),
        "escape" if has_more => escape::main(arguments),
        "parent" if has_more => runner::parent(arguments),
        "accounting" if has_more => accounting::main(arguments),
        flag if flag.starts_with('-') => test(""),
        filter => test(filter),
    }
}

/// Runs the cases whose names contain `filter`, and tells of each.
fn test(filter: &str) -> ExitCode {
    let mut failed = 0;
    for (name, case) in CASES.iter().copied().flatten() {
        if !name.contains(filter) {
            continue;
        }
        let verdict = if catch_unwind(case).is_ok() {
            "ok"
        } else {
            "FAILED"
        };
        failed += u32::from(verdict == "FAILED");
        println!("test {name} ... {verdict}");
    }
    if failed > 0 {
        println!("{failed} failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
