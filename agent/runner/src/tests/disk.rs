//! The quota as a guest meets it. Its arithmetic is tested where it is.

use std::{fs, path::Path};

use stoker_types::runner::Outcome;

use super::lab::{Trial, trial};
use crate::wasi::{Disk, Limits};

const NOTSUP: i32 = 58;
const NOSPC: i32 = 51;
const PERM: i32 = 63;

/// A guest that imports what is asked for, has the path `f` at 100, and exits with what `body`
/// leaves.
fn guest(imports: &str, body: &str) -> Trial {
    trial(format!(
        r#"(module {imports}
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 2) (data (i32.const 100) "f")
            (func $create (result i32)
                (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 1)
                    (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 0)))
            (func (export "_start") (call $exit {body})))"#
    ))
}

fn on_disk(mut trial: Trial, sandbox: &Path, bytes: u64, entries: u64) -> Outcome {
    trial.disk = Some(Disk {
        work: sandbox.join("work"),
        inputs: Some(sandbox.join("inputs")),
        limits: Limits { bytes, entries },
    });
    trial.run().outcome
}

/// Writes 64 KiB to a new file until that fails, goes on, and exits with the errno.
const FILL: &str = r"(block (result i32) (drop (call $create))
    (i32.store (i32.const 8) (i32.const 1024))
    (i32.store (i32.const 12) (i32.const 65536))
    (loop $again
        (br_if $again (i32.eqz
            (call $write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 16)))))
    (call $write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 16)))";

#[test]
fn a_guest_that_fills_its_disk_gets_an_errno_and_goes_on() {
    let sandbox = tempfile::tempdir().unwrap();
    let outcome = on_disk(guest("", FILL), sandbox.path(), 1 << 20, 9);
    assert_eq!(outcome, Outcome::Exited { code: NOSPC });
    let written = fs::metadata(sandbox.path().join("work/f")).unwrap();
    assert_eq!(written.len(), 1 << 20);
}

#[test]
fn inputs_take_their_part() {
    let sandbox = tempfile::tempdir().unwrap();
    for path in ["work/d", "inputs/in"] {
        fs::create_dir_all(sandbox.path().join(path)).unwrap();
        fs::write(sandbox.path().join(path).join("x"), [1; 5000]).unwrap();
    }
    // Two folders, and two files of two blocks each.
    let outcome = on_disk(guest("", FILL), sandbox.path(), 8 * 4096, 9);
    assert_eq!(outcome, Outcome::Exited { code: NOSPC });
    let written = fs::metadata(sandbox.path().join("work/f")).unwrap();
    assert_eq!(written.len(), 2 * 4096);
    fs::remove_file(sandbox.path().join("work/f")).unwrap();
    let outcome = on_disk(guest("", "(call $create)"), sandbox.path(), 1 << 20, 4);
    assert_eq!(outcome, Outcome::Exited { code: NOSPC }, "four entries");
}

#[test]
fn a_file_cannot_be_had_by_a_second_name_nor_grown_in_advance() {
    let sandbox = tempfile::tempdir().unwrap();
    let link = r#"(import "wasi_snapshot_preview1" "path_link"
        (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    let body = "(block (result i32) (drop (call $create)) (call $link (i32.const 3) (i32.const 0)
        (i32.const 100) (i32.const 1) (i32.const 3) (i32.const 100) (i32.const 1)))";
    let outcome = on_disk(guest(link, body), sandbox.path(), 1 << 20, 9);
    assert_eq!(outcome, Outcome::Exited { code: PERM });
    let allocate = r#"(import "wasi_snapshot_preview1" "fd_allocate"
        (func $allocate (param i32 i64 i64) (result i32)))"#;
    let body = "(block (result i32) (drop (call $create))
        (call $allocate (i32.load (i32.const 0)) (i64.const 0) (i64.const 4096)))";
    let outcome = on_disk(guest(allocate, body), sandbox.path(), 1 << 20, 9);
    assert_eq!(outcome, Outcome::Exited { code: NOTSUP });
}
