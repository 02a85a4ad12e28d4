//! What happens to guests that take too much: time, memory, work. Each ends with the exit code that the
//! documentation promises, or the demo fails.

use super::Built;
use super::cluster::Cluster;
use super::guest_run::{GuestRun, Outcome};
use crate::failure::{Failure, Result, While};
use crate::screen;
use serde_json::Value;

/// A guest that takes too much, and how that has to end.
#[derive(Debug)]
pub(crate) struct Greedy {
    /// The heading of its step.
    pub(crate) what: &'static str,
    flags: [&'static str; 2],
    guest: &'static str,
    exit_code: i32,
    reason: &'static str,
}

/// One for each of the three things that a guest can take too much of.
pub(crate) const GREEDY: [Greedy; 3] = [
    Greedy {
        what: "a guest that never ends meets its time limit",
        flags: ["--timeout", "2s"],
        guest: "spin",
        exit_code: 124,
        reason: "DEADLINE",
    },
    Greedy {
        what: "a guest that takes all memory is refused more",
        flags: ["--mem", "32MiB"],
        guest: "hog",
        exit_code: 137,
        reason: "MEMORY_LIMIT",
    },
    Greedy {
        what: "a guest that never ends uses up its fuel budget",
        flags: ["--fuel-budget", "50000000"],
        guest: "spin",
        exit_code: 125,
        reason: "FUEL_EXHAUSTED",
    },
];

/// Runs it and checks how it ended.
pub(crate) fn show(greedy: &Greedy, cluster: &Cluster, built: &Built) -> Result<()> {
    let flags = [greedy.flags[0], greedy.flags[1], "-o", "json"];
    let module = built.module(greedy.guest);
    let outcome =
        GuestRun::new(&built.programs.stoker, cluster.master(), &flags, &module).finish()?;
    report(greedy, &outcome)
}

fn report(greedy: &Greedy, outcome: &Outcome) -> Result<()> {
    let (code, complaints) = (outcome.exit_code(), outcome.complaints());
    let expected = greedy.exit_code;
    if outcome.ended.status.code() != Some(expected) {
        return Err(Failure::new(format!(
            "{} ended with exit code {code}, not {expected}{complaints}",
            greedy.guest
        )));
    }
    let document: Value = serde_json::from_slice(&outcome.ended.stdout)
        .while_doing(|| "read the JSON that `stoker run` printed".to_owned())?;
    if document["reason"] != greedy.reason {
        let reason = &document["reason"];
        return Err(Failure::new(format!(
            "the reason is {reason}, not {}",
            greedy.reason
        )));
    }
    screen::line(&format!(
        "  exit code {code}, {}",
        screen::green("as documented")
    ));
    for line in facts(&document) {
        screen::line(&format!("  {line}"));
    }
    Ok(())
}

/// What the document tells, a line each. What it leaves out is left out.
fn facts(document: &Value) -> Vec<String> {
    let word = |key: &str| document[key].as_str().filter(|text| !text.is_empty());
    let mut lines = Vec::new();
    if let (Some(state), Some(reason)) = (word("state"), word("reason")) {
        lines.push(format!("{state}, {reason}"));
    }
    lines.extend(word("message").map(|message| format!("\"{message}\"")));
    for text in word("stdout").unwrap_or_default().lines().take(3) {
        lines.push(format!("the guest said: {text}"));
    }
    let fuel = document["fuel_used"].as_u64();
    lines.extend(fuel.map(|fuel| format!("fuel used: {}", screen::grouped(fuel))));
    let memory = document["mem_peak"].as_u64();
    lines.extend(
        memory.map(|bytes| format!("memory at most: {} KiB", screen::grouped(bytes / 1024))),
    );
    let wall = document["wall_seconds"].as_f64();
    let processor = document["cpu_seconds"].as_f64();
    if let (Some(wall), Some(processor)) = (wall, processor) {
        lines.push(format!(
            "{wall:.2} s, of them {processor:.2} s on a processor"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_those_that_the_document_has() {
        let document = serde_json::json!({
            "state": "TASK_FAILED", "reason": "MEMORY_LIMIT", "message": "at 32 MiB",
            "stdout": "took 30 MiB\n", "fuel_used": 1234, "mem_peak": 33_554_432,
            "wall_seconds": 0.5, "cpu_seconds": 0.25,
        });
        assert_eq!(
            facts(&document),
            [
                "TASK_FAILED, MEMORY_LIMIT",
                "\"at 32 MiB\"",
                "the guest said: took 30 MiB",
                "fuel used: 1 234",
                "memory at most: 32 768 KiB",
                "0.50 s, of them 0.25 s on a processor",
            ]
        );
        assert!(facts(&serde_json::json!({"message": ""})).is_empty());
    }
}
