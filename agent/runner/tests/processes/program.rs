//! This program, and modules for it.

use std::{fmt::Write as _, io::Write as _, path::PathBuf};

use tempfile::NamedTempFile;

/// The program that has the hidden commands.
pub(crate) fn path() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// A file with the module of this text.
pub(crate) fn wasm(wat: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".wasm").unwrap();
    file.write_all(&wat::parse_str(wat).unwrap()).unwrap();
    file
}

/// Prints `hello` and exits with 3.
pub(crate) const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\0a")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
        (call $exit (i32.const 3))))"#;

/// Never ends.
pub(crate) const SPIN: &str = r#"(module (func (export "_start") (loop $l (br $l))))"#;

/// Takes minutes to compile: loops within loops, each of which changes every local.
pub(crate) fn bomb() -> String {
    let (loops, locals) = (2000, 200);
    let mut body = String::new();
    for index in 0..loops {
        let local = index % locals;
        write!(
            body,
            "(loop (local.set {local} (i32.add (local.get {local}) (local.get {})))",
            (index * 7) % locals
        )
        .unwrap();
    }
    for _ in 0..loops {
        body.push_str("(br_if 0 (local.get 0)))");
    }
    format!(
        r#"(module (func (export "_start") (local {}) {body}))"#,
        "i32 ".repeat(locals)
    )
}
