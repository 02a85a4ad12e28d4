//! What a guest can do to its inputs: read them, and nothing else, by whatever path.

use std::fs;

use stoker_types::runner::Outcome;

use super::lab::trial;
use crate::wasi::Folder;

const OF_THE_WORK: u32 = 3;
const OF_THE_INPUT: u32 = 4;

/// Calls `what` on the folder `descriptor` with `path`; exits with the errno.
fn attempt(what: &str, descriptor: u32, path: &str) -> String {
    let length = path.len();
    let place = format!("(i32.const {descriptor})");
    let name = format!("(i32.const 100) (i32.const {length})");
    // create, read: `path_open` with O_CREAT or none, and the right to write or to read.
    let open = |flags: u32, rights: u64| {
        format!(
            "(call $open {place} (i32.const 1) {name} (i32.const {flags}) (i64.const {rights})
                (i64.const 0) (i32.const 0) (i32.const 0))"
        )
    };
    let call = match what {
        "create" => open(1, 64),
        "truncate" => open(8, 64),
        "read" => open(0, 2),
        "remove" => format!("(call $unlink {place} {name})"),
        "rename" => format!("(call $rename {place} {name} (i32.const 3) {name})"),
        "link" => format!("(call $link {place} (i32.const 0) {name} (i32.const 3) {name})"),
        other => panic!("{other}"),
    };
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_unlink_file"
                (func $unlink (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_rename"
                (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_link"
                (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1) (data (i32.const 100) "{path}")
            (func (export "_start") (call $exit {call})))"#
    )
}

/// A sandbox as the daemon makes it: `x` of the guest's own, `in/x` to read.
fn sandbox() -> (tempfile::TempDir, Vec<Folder>) {
    let sandbox = tempfile::tempdir().unwrap();
    for path in ["work", "inputs/in"] {
        fs::create_dir_all(sandbox.path().join(path)).unwrap();
        fs::write(sandbox.path().join(path).join("x"), path).unwrap();
    }
    let folder = |host: &str, guest: &str, read_only| Folder {
        host: sandbox.path().join(host),
        guest: guest.to_owned(),
        read_only,
    };
    let folders = vec![folder("work", ".", false), folder("inputs/in", "in", true)];
    (sandbox, folders)
}

fn errno(wat: String, folders: &[Folder]) -> i32 {
    let mut trial = trial(wat);
    trial.folders = folders.to_vec();
    match trial.run().outcome {
        Outcome::Exited { code } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_input_is_read_and_never_changed() {
    let (sandbox, folders) = sandbox();
    let input = sandbox.path().join("inputs/in/x");
    let refused = |what, descriptor, path| {
        let errno = errno(attempt(what, descriptor, path), &folders);
        assert_ne!(errno, 0, "{what} {path} through {descriptor}");
        assert_eq!(
            fs::read_to_string(&input).unwrap(),
            "inputs/in",
            "{what} {path}"
        );
    };
    assert_eq!(errno(attempt("read", OF_THE_INPUT, "x"), &folders), 0);
    for what in ["create", "truncate", "remove", "rename", "link"] {
        refused(what, OF_THE_INPUT, "x");
    }
    refused("create", OF_THE_INPUT, "new");
    // It is not beneath the guest's own folder.
    for path in ["in/x", "./in/../in/x", "../inputs/in/x", "/in/x"] {
        for what in ["read", "create", "truncate", "remove"] {
            refused(what, OF_THE_WORK, path);
        }
    }
    for path in ["../in/x", "../../work/x", "."] {
        for what in ["create", "truncate", "remove"] {
            refused(what, OF_THE_INPUT, path);
        }
    }
    assert_eq!(errno(attempt("truncate", OF_THE_WORK, "x"), &folders), 0);
    let names = fs::read_dir(input.parent().unwrap()).unwrap().count();
    assert_eq!(names, 1);
}
