//! The daemons' configuration: flags before environment before file, and `--print-config`.

use std::process::Command;

use crate::harness::{run, stoker_alone, stoker_binary};

#[test]
fn flags_go_before_the_environment_and_the_environment_before_the_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "listen = \"127.0.0.1:1\"\noffer_timeout = \"1s\"\nping_interval = \"3s\"\n",
    )
    .unwrap();
    let mut command = Command::new(stoker_binary());
    command
        .env("STOKER_MASTER_LISTEN", "127.0.0.1:2")
        .env("STOKER_MASTER_OFFER_TIMEOUT", "2s")
        .args([
            "start",
            "master",
            "--print-config",
            "--listen",
            "127.0.0.1:3",
            "--config",
        ])
        .arg(file.path());
    let done = run(command);
    assert_eq!(done.code, Some(0), "{done:?}");
    for line in [
        "listen = \"127.0.0.1:3\"",
        "offer_timeout = \"2s\"",
        "ping_interval = \"3s\"",
    ] {
        assert!(
            done.stdout.lines().any(|printed| printed == line),
            "{line}: {done:?}"
        );
    }
}

#[test]
fn what_is_printed_can_be_read_again() {
    for daemon in ["master", "agent"] {
        let printed = stoker_alone(["start", daemon, "--print-config"]);
        assert_eq!(printed.code, Some(0), "{printed:?}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &printed.stdout).unwrap();
        let path = file.path().to_str().unwrap();
        let again = stoker_alone(["start", daemon, "--print-config", "--config", path]);
        assert_eq!(again.stdout, printed.stdout, "{again:?}");
    }
}
