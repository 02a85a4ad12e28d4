//! What guests read and where they work.

use std::fs;

use stoker_types::{EnvironmentVariable, runner::Outcome};

use super::lab::{WASI, command, trial};
use crate::wasi::Folder;

/// Reads stdin in pieces of `piece` bytes to its end and copies it to stdout.
fn cat(piece: u32, pages: u32) -> String {
    format!(
        r#"(module {WASI} (memory (export "memory") {pages}) (func (export "_start")
            (loop $again
                (i32.store (i32.const 0) (i32.const 64))
                (i32.store (i32.const 4) (i32.const {piece}))
                (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
                    (then unreachable))
                (i32.store (i32.const 4) (i32.load (i32.const 8)))
                (if (i32.load (i32.const 8)) (then
                    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
                        (then unreachable))
                    (br $again))))))"#
    )
}

#[test]
fn stdin_is_read_to_its_end_in_pieces_of_any_size() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    fs::write(file.path(), &content).unwrap();
    // The last piece is larger than what one host call may copy.
    for (piece, pages) in [(999, 1), (65_000, 1), (3 << 20, 50)] {
        let mut trial = trial(cat(piece, pages));
        trial.stdin = Some(file.path().to_owned());
        let end = trial.run();
        assert_eq!(
            end.outcome,
            Outcome::Exited { code: 0 },
            "pieces of {piece}"
        );
        assert!(end.stdout.bytes == content, "pieces of {piece}");
        assert_eq!(end.usage.bytes_out, 200_000);
        assert_eq!(end.usage.bytes_written, 0);
    }
}

#[test]
fn without_stdin_there_is_nothing_to_read() {
    let end = trial(cat(100, 1)).run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert_eq!(end.stdout.bytes, b"");
}

#[test]
fn a_stdin_that_is_not_there_is_told_before_the_guest_runs() {
    let mut trial = trial(command(""));
    trial.stdin = Some("/no/such/file".into());
    let end = trial.run();
    assert!(end.failure().1.contains("/no/such/file"), "{end:?}");
}

#[test]
fn arguments_and_environment_are_the_task_s_and_nothing_else() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get"
            (func $args_sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get"
            (func $env_sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $print (param $fd i32) (param $length i32)
            (i32.store (i32.const 8) (i32.const 1024))
            (i32.store (i32.const 12) (local.get $length))
            (drop (call $write (local.get $fd) (i32.const 8) (i32.const 1) (i32.const 16))))
        (func (export "_start")
            (drop (call $args_sizes (i32.const 0) (i32.const 4)))
            (drop (call $args (i32.const 512) (i32.const 1024)))
            (call $print (i32.const 1) (i32.load (i32.const 4)))
            (drop (call $env_sizes (i32.const 0) (i32.const 4)))
            (drop (call $env (i32.const 512) (i32.const 1024)))
            (call $print (i32.const 2) (i32.load (i32.const 4)))))"#;
    let mut trial = trial(wat);
    trial.task.arguments = vec!["a b".to_owned(), "ä".to_owned()];
    trial.task.environment = vec![EnvironmentVariable {
        name: "KEY".to_owned(),
        value: "value=1".to_owned(),
    }];
    let end = trial.run();
    assert_eq!(
        String::from_utf8_lossy(&end.stdout.bytes),
        "trial.wasm\0a b\0ä\0"
    );
    assert_eq!(String::from_utf8_lossy(&end.stderr.bytes), "KEY=value=1\0");
}

/// Opens `name` in the first folder for writing, creating it; exits with the errno.
fn create(name: &str) -> String {
    let length = name.len();
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1) (data (i32.const 100) "{name}")
            (func (export "_start")
                (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 100)
                    (i32.const {length}) (i32.const 1) (i64.const 64) (i64.const 64)
                    (i32.const 0) (i32.const 0)))))"#
    )
}

#[test]
fn a_guest_works_in_the_folders_it_is_given_and_nowhere_else() {
    const BADF: i32 = 8;
    const PERM: i32 = 63;
    let folder = tempfile::tempdir().unwrap();
    let given = |read_only| Folder {
        host: folder.path().to_owned(),
        guest: ".".to_owned(),
        read_only,
    };
    let end = trial(create("new")).run();
    assert_eq!(
        end.outcome,
        Outcome::Exited { code: BADF },
        "there is no folder"
    );

    let mut reading = trial(create("new"));
    reading.folders = vec![given(true)];
    assert_ne!(reading.run().outcome, Outcome::Exited { code: 0 });
    assert!(!folder.path().join("new").exists());

    let mut writing = trial(create("new"));
    writing.folders = vec![given(false)];
    assert_eq!(writing.run().outcome, Outcome::Exited { code: 0 });
    assert!(folder.path().join("new").exists());

    let mut escaping = trial(create("../escaped"));
    escaping.folders = vec![given(false)];
    assert_eq!(escaping.run().outcome, Outcome::Exited { code: PERM });
    assert!(!folder.path().with_file_name("escaped").exists());
}

#[test]
fn sockets_are_not_there() {
    const NOTSOCK: i32 = 57;
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "sock_accept"
            (func $accept (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (func (export "_start")
            (call $exit (call $accept (i32.const 0) (i32.const 0) (i32.const 0)))))"#;
    assert_eq!(trial(wat).run().outcome, Outcome::Exited { code: NOTSOCK });
}

#[test]
fn a_vast_poll_is_refused_with_an_errno() {
    const INVAL: i32 = 28;
    for count in [129, 100_000, u32::MAX] {
        let wat = command(&format!(
            "(drop (memory.grow (i32.const 100)))
             (call $exit (call $poll (i32.const 0) (i32.const 0) (i32.const {count}) (i32.const 0)))",
        ));
        let end = trial(wat).run();
        assert_eq!(end.outcome, Outcome::Exited { code: INVAL }, "{count}");
    }
}

#[test]
fn what_is_written_to_files_is_counted_and_host_calls_take_their_time() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pwrite"
            (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
        (memory (export "memory") 2) (data (i32.const 100) "file")
        (func (export "_start")
            (if (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4) (i32.const 1)
                (i64.const 68) (i64.const 68) (i32.const 0) (i32.const 32)) (then unreachable))
            (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 70000))
            (if (call $write (i32.load (i32.const 32)) (i32.const 0) (i32.const 1) (i32.const 8))
                (then unreachable))
            (i32.store (i32.const 4) (i32.const 30))
            (if (call $pwrite (i32.load (i32.const 32)) (i32.const 0) (i32.const 1) (i64.const 5)
                (i32.const 8)) (then unreachable))
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $write (i32.const 99) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
    let folder = tempfile::tempdir().unwrap();
    let mut trial = trial(wat);
    trial.folders = vec![Folder {
        host: folder.path().to_owned(),
        guest: ".".to_owned(),
        read_only: false,
    }];
    let end = trial.run();
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    let length = fs::metadata(folder.path().join("file")).unwrap().len();
    // A write moves at most 512 KiB, and a first buffer is all that one moves.
    assert_eq!(end.usage.bytes_written, length + 30);
    assert_eq!(end.usage.bytes_out, 30);
    assert!(
        !end.usage.host_time.is_zero() && end.usage.mem == 0,
        "{end:?}"
    );
}
