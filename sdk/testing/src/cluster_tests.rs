//! The handling of the process, on stand-ins for `stoker`.

use std::process::{Command, Stdio};

use super::*;

fn shell(script: &str) -> Child {
    Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn the_first_line_holds_the_addresses() {
    let mut process = shell(
        r#"echo '{"master":"http://127.0.0.1:7/","agents":[{"id":"agent-a","url":"http://x","pid":42}]}'
        exec sleep 60"#,
    );
    let addresses = first_line(process.stdout.take().unwrap()).unwrap();
    assert_eq!(addresses.master, "http://127.0.0.1:7/");
    assert_eq!(addresses.agents[0].pid, 42);
    assert_eq!(end(&mut process).unwrap(), None, "ended by the signal");
}

#[test]
fn a_process_that_says_nothing_useful_is_reported_with_what_it_said() {
    let mut process = shell("echo usage: stoker; exit 2");
    let error = first_line(process.stdout.take().unwrap()).unwrap_err();
    assert!(format!("{error:#}").contains("usage: stoker"), "{error:#}");
    assert_eq!(process.wait().unwrap().code(), Some(2));
}

#[test]
fn a_process_that_ends_in_order_tells_its_code() {
    let mut process = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    let mut line = String::new();
    let stdout = process.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(end(&mut process).unwrap(), Some(7));
    assert_eq!(
        end(&mut process).unwrap(),
        Some(7),
        "asking again is harmless"
    );
}

#[test]
fn the_tail_of_a_log_cuts_no_letter() {
    let log = format!("ä{}", "x".repeat(SHOWN_LOG_BYTES - 1));
    assert_eq!(tail(&log).len(), SHOWN_LOG_BYTES - 1);
    assert_eq!(tail("short"), "short");
}
