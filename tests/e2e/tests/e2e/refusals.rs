//! What bad input gets: one line that says what to do, the documented code, nothing half-done.

use std::{net::TcpListener, process::Command};

use crate::harness::{guest, module, run, shared_master, stoker, stoker_alone, stoker_binary};

fn both_ways(arguments: &[&str], code: i32, parts: &[&str]) {
    for flag in [None, Some("--local")] {
        let done = stoker(
            ["run"]
                .into_iter()
                .chain(flag)
                .chain(arguments.iter().copied()),
        );
        done.assert_refused(code, parts);
    }
}

#[test]
fn a_file_that_is_no_wasm_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "#!/bin/sh\necho no\n").unwrap();
    both_ways(&[file.path().to_str().unwrap()], 126, &["MODULE_INVALID"]);
}

#[test]
fn a_component_is_refused_by_its_name() {
    let component = module("(component)");
    both_ways(
        &[component.path().to_str().unwrap()],
        126,
        &["MODULE_INVALID", "component"],
    );
}

#[test]
fn a_reactor_is_refused_for_what_it_lacks() {
    let reactor = module(r#"(module (func (export "_initialize")))"#);
    both_ways(
        &[reactor.path().to_str().unwrap()],
        126,
        &["MODULE_INVALID", "_start"],
    );
}

#[test]
fn an_unknown_import_is_named_with_the_flag_that_lets_it_trap() {
    let module = module(
        r#"(module (import "env" "launch_missiles" (func $f)) (memory (export "memory") 1)
            (func (export "_start") (call $f)))"#,
    );
    let path = module.path().to_str().unwrap();
    both_ways(
        &[path],
        126,
        &[
            "IMPORT_UNKNOWN",
            "launch_missiles",
            "--unknown-imports trap",
        ],
    );
    for flag in [None, Some("--local")] {
        let arguments = ["run", "--unknown-imports", "trap"]
            .into_iter()
            .chain(flag)
            .chain([path]);
        assert_eq!(stoker(arguments).code, Some(134));
    }
}

#[test]
fn an_initial_memory_over_the_limit_is_told_as_such() {
    let module = module(r#"(module (memory (export "memory") 1024) (func (export "_start")))"#);
    for flag in [None, Some("--local")] {
        let path = module.path().to_str().unwrap();
        let arguments = ["run", "--mem", "32MiB"]
            .into_iter()
            .chain(flag)
            .chain([path]);
        stoker(arguments).assert_refused(137, &["MEMORY_LIMIT"]);
    }
}

#[test]
fn a_missing_file_is_refused() {
    both_ways(
        &["/nowhere/hello.wasm"],
        126,
        &["/nowhere/hello.wasm", "check the path"],
    );
    let hello = guest("hello");
    both_ways(
        &["--input", "/nowhere/text", hello.to_str().unwrap()],
        126,
        &["/nowhere/text"],
    );
}

#[test]
fn more_than_any_agent_has_is_refused_with_what_the_largest_has() {
    let hello = guest("hello");
    let done = stoker(["run", "--cpus", "4000", hello.to_str().unwrap()]);
    done.assert_refused(126, &["cpus=4000", "the largest agent has cpus="]);
}

#[test]
fn a_master_that_is_not_there_is_waited_for_and_then_given_up() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("http://127.0.0.1:{port}");
    let hello = guest("hello");
    let done = stoker_alone([
        "run",
        "--master",
        &address,
        "--wait",
        "1s",
        hello.to_str().unwrap(),
    ]);
    assert!(done.stderr.contains("waiting for a master"), "{done:?}");
    done.assert_refused(126, &[&address, "stoker dev"]);
    let done = stoker_alone(["task", "list", "--master", &address]);
    done.assert_refused(1, &[&address, "stoker dev"]);
}

#[test]
fn an_address_that_is_none_is_refused() {
    stoker_alone(["task", "list", "--master", "localhost"]).assert_refused(1, &["http://"]);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let address = shared_master().strip_prefix("http://").unwrap();
    let data = folder.path().to_str().unwrap();
    let done = stoker_alone(["start", "master", "--listen", address, "--data", data]);
    done.assert_refused(1, &[address, "in use"]);
    let done = stoker_alone(["dev", "--listen", address]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("in use"), "{done:?}");
}

#[test]
fn a_data_directory_of_another_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    // What a later version would leave behind.
    let version = folder.path().join("VERSION");
    std::fs::write(&version, "stoker agent data, layout 999\n").unwrap();
    let done = stoker_alone(["start", "agent", "--listen", "127.0.0.1:0", "--data", data]);
    done.assert_refused(1, &[data, "999"]);
    let kept = std::fs::read_to_string(version).unwrap();
    assert_eq!(kept, "stoker agent data, layout 999\n");
}

#[test]
fn an_unknown_flag_key_or_verb_is_a_usage_error() {
    assert_eq!(
        stoker_alone(["run", "--memory", "1GiB", "x.wasm"]).code,
        Some(2)
    );
    assert_eq!(stoker_alone(["destroy"]).code, Some(2));
    assert_eq!(
        stoker_alone(["run", "--mem", "much", "x.wasm"]).code,
        Some(2)
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "lisen = \"127.0.0.1:0\"\n").unwrap();
    let path = file.path().to_str().unwrap();
    for daemon in ["master", "agent"] {
        let done = stoker_alone(["start", daemon, "--config", path]);
        done.assert_refused(1, &["lisen", path]);
    }
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for daemon in ["master", "agent"] {
        let done = stoker_alone(["start", daemon, "--listen", "0.0.0.0:0", "--data", data]);
        done.assert_refused(1, &["--insecure"]);
    }
}

#[test]
fn a_prefix_that_means_nothing_says_where_to_look() {
    stoker(["task", "show", "no-such-task"]).assert_refused(1, &["stoker task list"]);
    stoker(["agent", "show", "x"]).assert_refused(1, &["stoker agent list"]);
    stoker(["framework", "teardown", "x"]).assert_refused(1, &["stoker framework list"]);
    stoker(["module", "rm", "x"]).assert_refused(1, &["stoker module list"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut command = Command::new("sh");
    let script = format!(
        "{} help run | head -n 1 > /dev/null; echo ${{PIPESTATUS:-ok}}",
        stoker_binary().display()
    );
    command.args(["-c", &script]);
    let done = run(command);
    assert!(!done.stderr.contains("panicked"), "{done:?}");
}
