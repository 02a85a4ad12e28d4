//! The text of modules: what most guests here have in common.

/// The imports that guests here use, each under a short name.
const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $environ_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
"#;

/// A module with all of the imports, one page of memory and a `_start` of `body`.
pub(crate) fn command(body: &str) -> String {
    program("(memory (export \"memory\") 1)", body)
}

/// A module with all of the imports, these `fields` and a `_start` of `body`.
pub(crate) fn program(fields: &str, body: &str) -> String {
    format!("(module {IMPORTS} {fields} (func (export \"_start\") {body}))")
}

/// A `_start` that does `body` again and again.
pub(crate) fn for_ever(body: &str) -> String {
    command(&format!("(loop $again {body} (br $again))"))
}
