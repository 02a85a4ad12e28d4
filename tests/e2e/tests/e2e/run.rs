//! `stoker run`, through the cluster and on the spot: the same ends, the same codes.

use std::path::Path;

use rustix::process::Signal;

use crate::harness::{Done, Running, guest, is_progress, module, stoker, wait_for};

/// Runs the same both ways.
fn both_ways(arguments: &[&str]) -> [Done; 2] {
    let with = |flag: Option<&str>| {
        stoker(
            ["run"]
                .into_iter()
                .chain(flag)
                .chain(arguments.iter().copied()),
        )
    };
    [with(None), with(Some("--local"))]
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[test]
fn a_guest_s_output_is_passed_on_byte_for_byte() {
    let hello = guest("hello");
    for done in both_ways(&[path(&hello), "--", "a", "b", "c"]) {
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(done.stdout, "hello a b c\n", "{done:?}");
        assert!(done.stderr.lines().all(is_progress), "{done:?}");
    }
}

#[test]
fn a_guest_s_stderr_is_passed_on_to_stderr() {
    let hello = guest("hello");
    for done in both_ways(&[path(&hello), "--", "--stderr", "beware"]) {
        assert!(done.stderr.contains("beware"), "{done:?}");
        assert!(!done.stdout.contains("beware"), "{done:?}");
    }
}

#[test]
fn a_guest_s_exit_code_is_passed_on_up_to_125_and_is_134_beyond() {
    let hello = guest("hello");
    for (code, expected) in [("0", 0), ("7", 7), ("125", 125), ("126", 134), ("255", 134)] {
        for done in both_ways(&[path(&hello), "--", "--exit", code]) {
            assert_eq!(done.code, Some(expected), "exit {code}: {done:?}");
        }
    }
}

#[test]
fn standard_input_is_a_file() {
    let words = guest("wordcount-map");
    let input = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(input.path(), "one two two three three three\n").unwrap();
    for done in both_ways(&["--input", input.path().to_str().unwrap(), path(&words)]) {
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(
            done.stdout, "total\t6\nthree\t3\ntwo\t2\none\t1\n",
            "{done:?}"
        );
    }
}

#[test]
fn a_guest_sees_its_own_environment_and_nothing_of_the_host() {
    let hello = guest("hello");
    let [through_cluster, on_the_spot] =
        both_ways(&["--env", "GREETING=hi", path(&hello), "--", "--env"]);
    for done in [&through_cluster, &on_the_spot] {
        assert!(done.stdout.contains("GREETING=hi"), "{done:?}");
        assert!(!done.stdout.contains("PATH="), "{done:?}");
    }
    for name in [
        "STOKER_TASK_ID=",
        "STOKER_FRAMEWORK_ID=framework-",
        "STOKER_AGENT_ID=agent-",
        "STOKER_ROLE=default",
    ] {
        assert!(
            through_cluster.stdout.contains(name),
            "{name}: {through_cluster:?}"
        );
    }
}

#[test]
fn a_guest_over_its_time_ends_with_124() {
    let spin = guest("spin");
    for done in both_ways(&["--timeout", "300ms", path(&spin)]) {
        done.assert_refused(124, &["TASK_FAILED DEADLINE"]);
    }
}

#[test]
fn a_guest_that_sleeps_over_its_time_ends_with_124() {
    let sleep = guest("sleep");
    for done in both_ways(&["--timeout", "300ms", path(&sleep), "--", "3600000"]) {
        done.assert_refused(124, &["TASK_FAILED DEADLINE"]);
    }
}

#[test]
fn a_guest_over_its_fuel_ends_with_125_and_its_fuel_is_told() {
    let spin = guest("spin");
    for done in both_ways(&["-o", "json", "--fuel-budget", "20000000", path(&spin)]) {
        assert_eq!(done.code, Some(125), "{done:?}");
        let report = done.json();
        assert_eq!(report["reason"], "FUEL_EXHAUSTED", "{report}");
        let used = report["fuel_used"].as_u64().unwrap();
        assert!((20_000_000..22_000_000).contains(&used), "{used} fuel");
    }
}

#[test]
fn a_guest_over_its_memory_ends_with_137_and_its_peak_is_told() {
    let hog = guest("hog");
    for done in both_ways(&["-o", "json", "--mem", "32MiB", path(&hog)]) {
        assert_eq!(done.code, Some(137), "{done:?}");
        let report = done.json();
        assert_eq!(report["reason"], "MEMORY_LIMIT", "{report}");
        let peak = report["mem_peak"].as_u64().unwrap();
        assert!((8 << 20..=32 << 20).contains(&peak), "{peak} bytes");
    }
}

#[test]
fn a_trap_ends_with_134() {
    let trap = guest("trap");
    for done in both_ways(&[path(&trap)]) {
        assert_eq!(done.code, Some(134), "{done:?}");
        assert!(done.stderr.contains("TASK_FAILED TRAP"), "{done:?}");
    }
}

#[test]
fn a_start_function_that_never_returns_is_under_the_time_limit() {
    let module = module(
        r#"(module (func $spin (loop $again (br $again))) (start $spin)
            (memory (export "memory") 1) (func (export "_start")))"#,
    );
    for done in both_ways(&["--timeout", "300ms", module.path().to_str().unwrap()]) {
        done.assert_refused(124, &["DEADLINE"]);
    }
}

#[test]
fn too_much_output_ends_a_guest() {
    // Writes 64 KiB again and again.
    let module = module(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 3)
            (data (i32.const 0) "\10\00\00\00\00\00\01\00")
            (func (export "_start")
                (loop $again
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                    (br $again))))"#,
    );
    let done = stoker([
        "run",
        "-o",
        "json",
        "--timeout",
        "2s",
        module.path().to_str().unwrap(),
    ]);
    // 1 GiB at 8 MiB a second is far away: the time limit comes first, and the rate shows.
    assert_eq!(done.code, Some(124), "{done:?}");
    let report = done.json();
    assert_eq!(report["truncated"], true);
    assert_eq!(report["stdout"].as_str().unwrap().len(), 1 << 20);
}

#[test]
fn the_json_report_has_everything() {
    let hello = guest("hello");
    for done in both_ways(&[
        "-o",
        "json",
        "--timeout",
        "1min",
        path(&hello),
        "--",
        "--exit",
        "3",
        "--stderr",
        "oh",
    ]) {
        assert_eq!(done.code, Some(3), "{done:?}");
        let report = done.json();
        assert_eq!(report["state"], "TASK_FAILED");
        assert_eq!(report["reason"], "EXIT_CODE");
        assert_eq!(report["exit_code"], 3);
        assert!(
            report["stderr"].as_str().unwrap().contains("oh"),
            "{report}"
        );
        assert!(report["task_id"].is_string(), "{report}");
        assert!(report["fuel_used"].as_u64().unwrap() > 0, "{report}");
        assert!(report["cpu_seconds"].as_f64().unwrap() > 0.0, "{report}");
        assert!(report["wall_seconds"].as_f64().unwrap() > 0.0, "{report}");
        assert!(report["mem_peak"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(report["truncated"], false);
    }
}

#[test]
fn the_first_interrupt_kills_the_task() {
    let spin = guest("spin");
    for way in [&["run"][..], &["run", "--local"]] {
        let name = format!("interrupted-{}", way.len());
        let arguments = way.iter().copied().chain(["--name", &name, path(&spin)]);
        let running = Running::stoker(arguments);
        if way.len() == 1 {
            wait_for("running task", || {
                let tasks = crate::harness::get("/api/v1/tasks?state=TASK_RUNNING");
                let tasks = tasks.as_array().unwrap().clone();
                tasks.into_iter().find(|task| task["name"] == name.as_str())
            });
        } else {
            // Nothing outside tells that the guest has begun: any time after the start will do.
            wait_for("process", || running.has_caught_interrupts().then_some(()));
        }
        running.signal(Signal::INT);
        let done = running.wait();
        assert_eq!(done.code, Some(137), "{way:?}: {done:?}");
    }
}

#[test]
fn a_guest_that_handles_it_ends_by_itself_at_the_first_interrupt() {
    let graceful = guest("graceful");
    let name = "graceful-interrupt";
    for way in [&["--name", name][..], &["--local"]] {
        let arguments = ["run"].into_iter().chain(way.iter().copied());
        let running = Running::stoker(arguments.chain([path(&graceful)]));
        let told = || running.has_printed("working\n").then_some(());
        wait_for("guest that works", told);
        running.signal(Signal::INT);
        let done = running.wait();
        assert_eq!(done.code, Some(137), "{way:?}: {done:?}");
        assert!(done.stdout.ends_with(": done\n"), "{way:?}: {done:?}");
    }
}

#[test]
fn a_mount_is_the_directory_itself_when_local() {
    let hello = guest("hello");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note"), "from the host\n").unwrap();
    let writable = format!("{}:/data", folder.path().display());
    let read_only = format!("{writable}:ro");
    let local = |mount: &str, arguments: &[&str]| {
        let run = ["run", "--local", "--mount", mount, path(&hello), "--"];
        stoker(run.into_iter().chain(arguments.iter().copied()))
    };
    let done = local(&read_only, &["--read", "/data/note"]);
    assert_eq!(done.stdout, "hello\nfrom the host\n", "{done:?}");
    assert_ne!(local(&read_only, &["--write", "/data/mine"]).code, Some(0));
    assert!(!folder.path().join("mine").exists());
    assert_eq!(
        local(&writable, &["me", "--write", "/data/mine"]).code,
        Some(0)
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("mine")).unwrap(),
        "hello me"
    );
    let done = stoker(["run", "--mount", &writable, path(&hello)]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--local"), "{done:?}");
}

#[test]
fn a_guest_has_files_only_where_it_asked_for_disk() {
    let hello = guest("hello");
    let write = [path(&hello), "--", "--write", "note", "--read", "note"];
    for done in both_ways(&write) {
        assert_ne!(done.code, Some(0), "{done:?}");
    }
    let with_disk: Vec<&str> = ["--disk", "1MiB"].into_iter().chain(write).collect();
    for done in both_ways(&with_disk) {
        assert_eq!(done.code, Some(0), "{done:?}");
    }
}
